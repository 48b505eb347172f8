// SPDX-License-Identifier: Apache-2.0
// netty-tcnative: BoringSSL that is unpacked to a temporary file, mapped and deleted. The steps are
// those of steps.py.
import io.netty.buffer.ByteBufAllocator;
import io.netty.handler.ssl.OpenSsl;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import java.io.File;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;

public class WithNetty {
	private final SSLEngine engine;
	private final SocketChannel channel;
	private final ByteBuffer in = ByteBuffer.allocate(65536);
	private final ByteBuffer out = ByteBuffer.allocate(65536);
	private final ByteBuffer plain = ByteBuffer.allocate(65536);

	private WithNetty(SslContext context, int port) throws IOException {
		engine = context.newEngine(ByteBufAllocator.DEFAULT, "localhost", port);
		channel = SocketChannel.open(new InetSocketAddress("127.0.0.1", port));
		in.flip();
	}

	private void send(ByteBuffer from) throws IOException {
		do {
			out.clear();
			engine.wrap(from, out);
			out.flip();
			while (out.hasRemaining())
				channel.write(out);
		} while (from.hasRemaining());
	}

	private void receive() throws IOException {
		SSLEngineResult result = engine.unwrap(in, plain);

		if (result.getStatus() != SSLEngineResult.Status.BUFFER_UNDERFLOW ||
		    result.getHandshakeStatus() == HandshakeStatus.FINISHED)
			return;
		in.compact();
		if (channel.read(in) < 0)
			throw new IOException("the server has gone");
		in.flip();
	}

	private void shakeHands() throws IOException {
		engine.beginHandshake();
		while (engine.getHandshakeStatus() != HandshakeStatus.NOT_HANDSHAKING) {
			switch (engine.getHandshakeStatus()) {
			case NEED_WRAP:
				send(ByteBuffer.allocate(0));
				break;
			case NEED_TASK:
				engine.getDelegatedTask().run();
				break;
			default:
				receive();
			}
		}
	}

	private void get() throws IOException {
		shakeHands();
		send(ByteBuffer.wrap("GET / HTTP/1.0\r\n\r\n".getBytes(StandardCharsets.US_ASCII)));
		while (plain.position() == 0)
			receive();
		channel.close();
	}

	public static void main(String[] args) throws Exception {
		OpenSsl.ensureAvailability();
		SslContext context = SslContextBuilder.forClient().sslProvider(SslProvider.OPENSSL)
			.protocols("TLSv1.2", "TLSv1.3").trustManager(new File(args[1])).build();

		System.out.println("ready");
		System.in.read();
		for (int i = 0; i < 2; i++)
			new WithNetty(context, Integer.parseInt(args[0])).get();
	}
}
