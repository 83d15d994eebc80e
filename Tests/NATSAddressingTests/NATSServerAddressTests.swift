import NATSAddressing
import Testing

@Suite("A NATS URL")
struct NATSServerAddressTests {
    @Test(
        "is taken apart, and described without its credentials",
        arguments: [
            ("localhost", "nats://localhost:4222", NATSAuthentication.none),
            ("nats://n1.example:4333", "nats://n1.example:4333", .none),
            ("NATS://n1/", "nats://n1:4222", .none),
            ("tls://ann:pw@n1", "tls://n1:4222", .userPassword(user: "ann", password: "pw")),
            ("nats://ann:p%40w%3A@n1:1", "nats://n1:1", .userPassword(user: "ann", password: "p@w:")),
            ("nats://ann:a@b:c@n1", "nats://n1:4222", .userPassword(user: "ann", password: "a@b:c")),
            ("nats://t0ken@n1", "nats://n1:4222", .token("t0ken")),
            ("nats://[::1]:4223", "nats://[::1]:4223", .none),
            ("nats://[::1]", "nats://[::1]:4222", .none),
        ])
    func reads(url: String, description: String, authentication: NATSAuthentication) throws {
        let address = try NATSServerAddress(url)
        #expect(address.description == description)
        #expect(address.authentication == authentication)
    }

    @Test(
        "that cannot be read is refused with what to write instead, and without its password",
        arguments: [
            "", "nats://", "http://n1", "nats://n1:port", "nats://n1:0", "nats://n1:99999", "nats://a b",
            "nats://ann:s3cret%@n1", "nats://ann:s3cret@", "nats://ann:s3cret@n1:x", "http://ann:s3cret@n1", "n1,n2",
        ])
    func refuses(url: String) {
        let error = #expect(throws: NATSAddressError.self) { _ = try NATSServerAddress(url) }
        #expect(error?.hint.isEmpty == false)
        #expect(error?.description.contains("s3cret") == false)
    }

    @Test("credentials print as their method only")
    func redaction() {
        for secret in [NATSAuthentication.userPassword(user: "ann", password: "s3cret"), .token("s3cret")] {
            #expect(!"\(secret)".contains("s3cret"))
            #expect(!String(reflecting: secret).contains("s3cret"))
            var dumped = ""
            dump([secret], to: &dumped)
            #expect(!dumped.contains("s3cret"))
        }
    }
}
