/// Colours by their numbers in ECMA-48.
enum Colour: Int {
    case red = 31
    case green = 32
    case yellow = 33
    case grey = 90
}
