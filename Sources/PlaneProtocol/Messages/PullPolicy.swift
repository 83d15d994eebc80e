/// When the agent pulls an image from its registry.
package enum PullPolicy: String, JSONText, CaseIterable, Codable {
    case ifNotPresent = "IfNotPresent"
    case always = "Always"
    case never = "Never"
}
