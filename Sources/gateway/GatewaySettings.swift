import ConfigurationFiles
import ConfigurationReading
import GatewayHTTPConfiguration
import PlaneMessagingConfiguration
import PlaneService
import VisitorTokens

/// The settings of the gateway, from `controller.toml`.
struct GatewaySettings: ServiceSettings {
    let nats: NATSConfiguration
    let log: LogConfiguration
    let metrics: MetricsConfiguration
    let gateway: GatewayConfiguration?
    let http: HTTPConfiguration?

    init?(_ reader: inout ConfigReader) {
        if !reader.has("http") { reader.demandTable("gateway", for: "without [http] the gateway") }
        guard let file = ControllerConfiguration(&reader) else { return nil }
        if let signed = file.gateway?.signedTokens, TokenSigningKey(signed.key) == nil {
            reader.mistake(
                "gateway.signed_tokens.key", found: "something else (not shown, it may be secret)", expectation: TokenSigningKey.expectation)
            return nil
        }
        self.nats = file.nats
        self.log = file.log
        self.metrics = file.gatewayMetrics
        self.gateway = file.gateway
        self.http = file.http
    }
}
