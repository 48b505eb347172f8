// SPDX-License-Identifier: Apache-2.0
// node, with OpenSSL inside; the steps are those of steps.py.
const https = require('https');
const fs = require('fs');
const [port, cert] = process.argv.slice(2);
const options = { host: '127.0.0.1', port, ca: fs.readFileSync(cert), agent: false };

function connect(n) {
	if (n === 0)
		process.exit(0);
	https.get(options, (answer) => {
		let body = '';
		answer.on('data', (some) => { body += some; });
		answer.on('end', () => {
			if (body !== 'hi\n')
				throw new Error(body);
			connect(n - 1);
		});
	});
}

process.stdin.once('data', () => connect(2));
console.log('ready');
