package import NATS
import PlaneProtocol
package import PlaneService

extension LogFeed {
    /// Sends until cancelled. While the connection is down, nothing is sent, and what is too much is dropped.
    package func run(over connection: NATSConnection) async {
        await self.run { message in
            // Fire and forget: whoever needs every event reads the log itself.
            try? connection.publish(WireCodec.encode(message), to: message.subject)
        }
    }
}
