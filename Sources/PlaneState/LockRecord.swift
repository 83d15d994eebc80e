import PlaneProtocol

typealias LockTable = SlotTable<LockName, LockRecord>

/// What the fold keeps of one lock: who said last that they want it, and which backends were assigned with it.
struct LockRecord: Sendable {
    /// The last message on the lock's announce subject.
    var announcement: Announcement?
    /// The last message on the lock's revoke subject, whichever announcement it is about: kept to be deleted with it.
    var revocation: Revocation?
    /// Backends assigned with the lock that have not ended. More than one only after a mistake; the first in the stream holds it.
    var live = SlotSet<BackendID, BackendRecord>()
    /// Backends assigned with the lock that have ended.
    var ended = SlotSet<BackendID, BackendRecord>()
    /// Where the latest assignment of all these backends stands in the stream; 0 if there is none.
    var lastAssignment: UInt64 = 0

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

    /// How long an announcement keeps others away; the same in every member of a fleet.
    static let announcementSeconds: Int64 = 30
}
