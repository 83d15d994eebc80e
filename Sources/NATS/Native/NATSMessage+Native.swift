import CNATS

extension NATSMessage {
    /// Copies everything out of a message of the library; the caller still owns and frees it.
    init(copying message: OpaquePointer) {
        self.subject = natsMsg_GetSubject(message).map { String(cString: $0) } ?? ""
        self.reply = natsMsg_GetReply(message).map { String(cString: $0) }
        let count = Int(natsMsg_GetDataLength(message))
        if count > 0, let data = natsMsg_GetData(message) {
            self.payload = [UInt8](UnsafeRawBufferPointer(start: data, count: count))
        } else {
            self.payload = []
        }
        self.headers = NATSHeaders(copying: message)
    }
}

extension NATSHeaders {
    fileprivate init(copying message: OpaquePointer) {
        self.init()
        var names: UnsafeMutablePointer<UnsafePointer<CChar>?>?
        var nameCount: CInt = 0
        // NATS_NOT_FOUND means no headers; headers which libnats cannot parse are left out.
        guard natsMsgHeader_Keys(message, &names, &nameCount) == NATS_OK, let names else { return }
        defer { free(names) }
        for name in UnsafeBufferPointer(start: names, count: Int(nameCount)) {
            guard let name else { continue }
            var values: UnsafeMutablePointer<UnsafePointer<CChar>?>?
            var valueCount: CInt = 0
            guard natsMsgHeader_Values(message, name, &values, &valueCount) == NATS_OK, let values else { continue }
            defer { free(values) }
            for value in UnsafeBufferPointer(start: values, count: Int(valueCount)) {
                guard let value else { continue }
                self.append(String(cString: name), String(cString: value))
            }
        }
    }
}
