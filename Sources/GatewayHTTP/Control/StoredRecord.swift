import LogKeys
import Logging
import NATS
import PlaneProtocol

extension StreamMessage {
    /// What the message says; nil where it cannot be read, as one of a later version, which is logged. Records hold secrets, and errors do not repeat them.
    func decoded<Record: JSONDecodable>(_: Record.Type, _ logger: Logger) -> Record? {
        do throws(MessageError) {
            return try WireCodec.decode(Record.self, from: self.payload)
        } catch {
            logger.warning(
                "a stored record cannot be read and counts as none",
                metadata: [LogKey.subject: "\(self.subject)", LogKey.sequence: "\(self.sequence)", LogKey.error: "\(error)"])
            return nil
        }
    }
}
