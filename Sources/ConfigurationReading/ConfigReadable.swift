/// A value that can be read from a table of a configuration.
package protocol ConfigReadable: Sendable {
    /// Reads all keys. Nil after a mistake that leaves no usable value, or while describing.
    init?(_ reader: inout ConfigReader)
}
