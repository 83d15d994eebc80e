/// Owns a descriptor, and is called by its event loop when the kernel reports something about it. Called on the loop's thread only.
package protocol ReadinessHandler: AnyObject {
    /// The descriptor may have become ready. This is a hint only: the next system call shows whether it is.
    func becameReady(_ events: ReadyEvents)
    /// Called for a turn that was requested by ``EpollEventLoop/deferTurn(of:)``.
    func runDeferred()
    /// The loop is ending; the handler has to close its descriptor now.
    func loopEnds()
}

/// The events of a descriptor that epoll_wait(2) has reported.
package struct ReadyEvents: OptionSet {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// EPOLLIN: there is input, or its end.
    package static let input = ReadyEvents(rawValue: 0x001)
    /// EPOLLOUT: there is room for output.
    package static let output = ReadyEvents(rawValue: 0x004)
    /// EPOLLERR.
    package static let error = ReadyEvents(rawValue: 0x008)
    /// EPOLLHUP: closed in both directions.
    package static let hangUp = ReadyEvents(rawValue: 0x010)
    /// EPOLLRDHUP: the peer will send nothing more.
    package static let inputEnd = ReadyEvents(rawValue: 0x2000)
}
