import Foundation
@testable import NATS
import Testing

@Suite struct PublishAckTests {
    @Test(
        "an acknowledgement as nats-server writes it is read as by a JSON decoder",
        arguments: [#"{"stream":"plane_tokens", "seq":1}"#, #"{"stream":"a","seq":9999999999999999999}"#, #"{"stream":"", "seq":0}"#])
    func plain(text: String) throws {
        let plain = try #require(PublishAck(plain: Array(text.utf8)))
        #expect(try plain == JSONDecoder().decode(PublishAck.self, from: Data(text.utf8)))
    }

    @Test(
        "everything else is left to the JSON decoder",
        arguments: [
            "", "{}", "+OK", #"{"stream":"a","domain":"d","seq":1}"#, #"{"stream":"a","seq":1,"duplicate":true}"#, #"{"stream":"a\"b","seq":1}"#,
            #"{"error":{"code":503},"stream":"a","seq":1}"#, #"{"stream":"a","seq":}"#, #"{"stream":"a","seq":-1}"#, #"{"stream":"a","seq":1"#,
            #"{"stream":"a","seq":1.0}"#, #"{"stream":"a","seq":18446744073709551616}"#, #"{"stream":"a"#,
        ])
    func others(text: String) {
        #expect(PublishAck(plain: Array(text.utf8)) == nil)
    }
}
