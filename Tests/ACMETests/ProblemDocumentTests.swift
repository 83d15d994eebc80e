import Testing

@testable import ACME

@Suite struct ProblemDocumentTests {
    private func error(_ body: String, status: Int = 400) -> ACMEError {
        ACMEError("order x", ProblemDocument(ACMEResponse(status: status, body: Array(body.utf8))))
    }

    @Test(
        "a refusal is sorted by its type",
        arguments: [
            ("badNonce", .nonceRefused), ("rateLimited", .rateLimited), ("externalAccountRequired", .externalAccountRefused),
            ("accountDoesNotExist", .accountRefused), ("unauthorized", .accountRefused), ("caa", .nameRefused),
            ("rejectedIdentifier", .nameRefused), ("dns", .validationFailed), ("connection", .validationFailed),
            ("serverInternal", .authorityFault), ("badCSR", .refused), ("somethingNew", .refused),
        ] as [(String, ACMEError.Code)])
    func sorted(type: String, code: ACMEError.Code) {
        #expect(self.error(#"{"type":"urn:ietf:params:acme:error:\#(type)","detail":"why"}"#).code == code)
    }

    @Test(
        "without a problem document the status decides",
        arguments: [(503, .authorityFault), (429, .rateLimited), (403, .accountRefused), (404, .refused)] as [(Int, ACMEError.Code)])
    func status(status: Int, code: ACMEError.Code) {
        let error = self.error("<html>Bad gateway</html>", status: status)
        #expect(error.code == code)
        #expect(error.description.contains("\(status)"))
    }

    @Test("the operator sees what was tried, what to do, and the authority's words for each name")
    func description() {
        let body = """
            {"type":"urn:ietf:params:acme:error:rejectedIdentifier","detail":"some refused","subproblems":[
            {"type":"urn:ietf:params:acme:error:caa","detail":"CAA forbids","identifier":{"type":"dns","value":"a.example"}}]}
            """
        #expect(
            self.error(body).description
                == """
                could not order x: nameRefused (the authority's policy does not allow a certificate for this name): \
                rejectedIdentifier: some refused; a.example: caa: CAA forbids
                """)
    }

    @Test("control characters and endless texts do not reach a terminal")
    func hostile() {
        let long = String(repeating: "x", count: 10_000)
        let problem = ProblemDocument(
            ACMEResponse(status: 400, body: Array(#"{"type":"t","detail":"\u001b[31mred\#(long)"}"#.utf8)))
        #expect(problem.detail.hasPrefix(" [31mred"))
        #expect(problem.detail.count == ProblemDocument.textLimit)
    }

    @Test("members of wrong types are left out", arguments: [#"{"type":1,"detail":[]}"#, #"{"subproblems":[1,{},"x"]}"#, "{}", "[]", "1"])
    func wrongTypes(body: String) {
        #expect(self.error(body).code == .refused)
    }
}
