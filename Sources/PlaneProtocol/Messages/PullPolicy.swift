/// When the agent asks the registry for an image.
package enum PullPolicy: String, JSONText, CaseIterable, Codable {
    case ifNotPresent = "IfNotPresent"
    case always = "Always"
    case never = "Never"
}
