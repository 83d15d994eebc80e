import NIOCore
import Testing
import VisitorTokens

@testable import TierProxyPolicy

@Suite("What a stolen drone or gateway can make a proxy of the tier keep")
struct BoundsTests {
    private static func address(_ number: Int) throws -> SocketAddress {
        try SocketAddress(ipAddress: "10.\(number >> 16 & 255).\(number >> 8 & 255).\(number & 255)", port: 8444)
    }

    @Test("of a drone that changes its address again and again, the former ones are forgotten; those that backends use stay")
    func endpoints() throws {
        var table = EndpointTable<Int>()
        let used = Set(try (0..<300).map { try Self.address($0) })
        var forgotten: Set<Int> = []
        for number in 0..<20_000 {
            forgotten.formUnion(table.makeRoom { used })
            table[try Self.address(number)] = number
            #expect(table.count <= 601)
        }
        for address in used { #expect(table[address] != nil) }
        #expect(forgotten.isDisjoint(with: 0..<300) && forgotten.count + table.count == 20_000)
    }

    private static func revocation(_ number: Int, _ scope: TierRevocation.Scope) -> TierRevocation {
        TierRevocation(scope, TierRevocation.Mark(TokenGeneration(stream: 1, sequence: UInt64(number)), time: Int64(number)))
    }

    @Test("of revocations without end, be they about backends that do not exist, the newest are kept")
    func revocations() {
        var table = RevocationTable(mostEntries: 1000)
        for number in 0..<10_000 {
            let user = TokenDigest(of: "u-\(number)".utf8)
            table.insert(Self.revocation(number, number.isMultiple(of: 2) ? .visitor(user, of: "made-up-\(number)") : .user(user)))
            #expect(table.count <= 1000)
        }
        let grant = TokenGrant(.backend("b-1"), user: "u-9999", generation: TokenGeneration(stream: 1, sequence: 1))
        let token = TokenDigest(of: "token".utf8)
        #expect(table.ends(grant, TokenOwnership(token, grant), at: "b-1"))
        table.remove(of: "made-up-9998")
        for number in 0..<10_000 { table.remove(of: "made-up-\(number)") }
        #expect((1...501).contains(table.count), "those about users stay")
    }
}
