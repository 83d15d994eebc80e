extension NATSError {
    /// The server is no member of a cluster, so it cannot keep several copies.
    package var meansNoReplicas: Bool { self.apiErrorCode == JetStreamAnswer.ErrorCode.replicasNotSupported }

    /// The cluster has too few servers for so many copies; it may still be forming.
    package var meansTooFewServers: Bool {
        [JetStreamAnswer.ErrorCode.noSuitablePeers, JetStreamAnswer.ErrorCode.insufficientResources].contains(self.apiErrorCode)
    }
}

extension NATSError {
    /// The server cannot set so many bytes aside.
    package var meansNoRoom: Bool { self.apiErrorCode == JetStreamAnswer.ErrorCode.insufficientStorage }
}
