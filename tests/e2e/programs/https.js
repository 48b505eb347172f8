// SPDX-License-Identifier: Apache-2.0
// A small HTTPS pair on Node.
//   https.js serve               prints "listening PORT"; answers each request with "re:" PATH
//   https.js get PORT PATH...    one after the other, a connection each; prints each answer
//   https.js loop PORT PREFIX    GET PREFIX-nN-z for N = 0, 1, ... until killed; prints "done N"
"use strict";
const fs = require("fs");
const https = require("https");

function serve() {
	const options = {
		cert: fs.readFileSync(process.env.E2E_CERT),
		key: fs.readFileSync(process.env.E2E_KEY),
	};
	const server = https.createServer(options, (request, response) => {
		response.sendDate = false;
		response.end("re:" + request.url);
	});
	server.listen(0, "127.0.0.1", () => console.log("listening " + server.address().port));
}

function get(port, path) {
	return new Promise((resolve, reject) => {
		const options = {
			host: "127.0.0.1", port, path, agent: false,
			headers: { Host: "e2e.test" }, servername: "localhost", ca: fs.readFileSync(process.env.E2E_CERT),
		};
		https.get(options, (response) => {
			let body = "";
			response.on("data", (part) => { body += part; });
			response.on("end", () => resolve(body));
		}).on("error", reject);
	});
}

async function getAll(port, ...paths) {
	for (const path of paths)
		console.log(await get(port, path));
}

async function loop(port, prefix) {
	for (let n = 0; ; n++) {
		await get(port, "/" + prefix + "-n" + n + "-z");
		console.log("done " + n);
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}

const command = { serve, get: getAll, loop }[process.argv[2]];
console.log("node pid=" + process.pid);
Promise.resolve(command(...process.argv.slice(3))).catch((err) => {
	console.error(err);
	process.exit(1);
});
