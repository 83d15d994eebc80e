package import ServiceLifecycle

/// A service whose work may end by itself; the program then ends in order, with success. For any other service that would be a failure.
package protocol FinishingService: Service {}
