/// Where a container's output goes besides Docker's own cache of it, as RFC 5424 messages.
package struct SyslogTarget: Hashable, Sendable {
    /// `udp://10.0.0.5:514`, `tcp://…`, `unix:///dev/log`
    package var address: String
    /// The application's name in each message.
    package var tag: String

    package init(address: String, tag: String) {
        self.address = address
        self.tag = tag
    }
}
