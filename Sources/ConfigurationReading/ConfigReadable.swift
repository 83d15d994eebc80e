/// What can be read from a table of a configuration.
package protocol ConfigReadable: Sendable {
    /// Reads all keys; nil after a mistake that leaves nothing to build the value from (or while describing).
    init?(_ reader: inout ConfigReader)
}
