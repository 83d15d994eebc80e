import PlaneProtocol

typealias LockTable = SlotTable<LockName, LockRow>

/// What the state of the fleet keeps of one lock: the last announcement, the last revocation, and the backends that were assigned with it.
struct LockRow: Sendable {
    /// The last message on the lock's announce subject.
    var announcement: Announcement?
    /// The last message on the lock's revoke subject, whichever announcement it names: retention deletes it with the announcement.
    var revocation: Revocation?
    /// Backends assigned with the lock that have not ended. There is more than one only where a writer ignored the announcement, as
    /// 0.3.24 may; the first in the stream holds the lock.
    var live = SlotSet<BackendID, BackendRow>()
    /// Backends assigned with the lock that have ended.
    var ended = SlotSet<BackendID, BackendRow>()
    /// Stream sequence of the latest assignment of these backends; 0 if there is none.
    var lastAssignment: UInt64 = 0
    /// The highest fencing token of these backends; 0 if none has one.
    var lastFencingToken: Int64 = 0

    struct Announcement: Sendable {
        let uid: LockUID
        let sequence: UInt64
        /// Publish time, whole seconds since 1970.
        let publishedSeconds: Int64
        /// Whether the last message on the revoke subject came after this one and names it.
        var isRevoked = false
    }

    struct Revocation: Sendable {
        let sequence: UInt64
        /// Publish time, whole seconds since 1970.
        let publishedSeconds: Int64
    }

    var isUnused: Bool { self.announcement == nil && self.revocation == nil && self.live.isEmpty && self.ended.isEmpty }

    /// An announcement counts until it has led to an assignment, was revoked, or is 30 s old by the stream's own clock.
    func activeAnnouncement(at heartbeatSeconds: Int64?) -> Announcement? {
        guard let announcement = self.announcement, !announcement.isRevoked, announcement.sequence > self.lastAssignment else { return nil }
        guard let now = heartbeatSeconds else { return announcement }
        return now < announcement.publishedSeconds + Self.announcementSeconds ? announcement : nil
    }

    /// The highest token, because programs that store numbers as doubles cannot tell larger ones apart.
    static let highestFencingToken: Int64 = 1 << 53 - 1

    /// Seconds after which an announcement lapses; every member of a fleet must use the same.
    static let announcementSeconds: Int64 = 30
}
