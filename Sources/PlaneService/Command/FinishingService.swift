package import ServiceLifecycle

/// A service whose work can come to its end by itself; the program then ends in order, and with success. Of any other service that
/// would be a failure.
package protocol FinishingService: Service {}
