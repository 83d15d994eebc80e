import NATS
import Testing

@Suite("Subjects")
struct NATSSubjectTests {
    @Test(
        "overlap where one message can match both",
        arguments: [
            ("a.b", "a.b", true), ("a.*", "a.b", true), ("*.b", "a.*", true), ("a.>", "a.b.c", true), (">", "a", true), ("a.*.c", "a.>", true),
            ("a.b", "a.c", false), ("a.*", "a", false), ("a.>", "a", false), ("a.*", "a.b.c", false), ("a.*.c", "a.b.d", false),
        ])
    func overlap(left: String, right: String, expected: Bool) {
        #expect(NATSSubject.overlap(left, right) == expected)
        #expect(NATSSubject.overlap(right, left) == expected)
    }
}
