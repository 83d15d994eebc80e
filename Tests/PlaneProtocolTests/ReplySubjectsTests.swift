import PlaneProtocol
import Testing

@Suite("Reply subjects") struct ReplySubjectsTests {
    @Test("inboxes are known by their first tokens, as configured")
    func replySubjects() {
        let standard = ReplySubjects()
        for subject in ["_INBOX.abc.1", "controller.inbox.scheduler.x.2", "app.inbox.x", "cluster.plane_test.inbox.agent.drone-1.x.1", "_R_.a.b"] {
            #expect(standard.contains(subject), "\(subject)")
        }
        for subject in [
            "", "_INBOX", "app.inbox", "inbox.x", "app.other.x", "cluster.plane_test.drone.x", "cluster.inbox", "$SYS.inbox.x", "backend.inbox.log",
            "app.inbox.*", "app.inbox.>", "app..inbox.x", "certificate.inbox.x", "secret.inbox.x", "logs.inbox.x",
            "visited.inbox.x", "revoked.inbox.all", "cluster.inbox.drone.drone-1.spawn",
        ] { #expect(!standard.contains(subject), "\(subject)") }
        let own = ReplySubjects(prefixes: ["my.own"])
        #expect(own.contains("my.own.x") && !own.contains("_INBOX.x") && !own.contains("my.other.x"))
        for prefix in ["*", "*.*", "", ">", "a.>", "state", "backend.*", "$JS", "a b"] { #expect(!ReplySubjects.isPrefix(prefix), "\(prefix)") }
    }
}
