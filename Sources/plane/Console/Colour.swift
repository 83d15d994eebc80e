/// Colours of ECMA-48, by their numbers.
enum Colour: Int {
    case red = 31
    case green = 32
    case yellow = 33
    case grey = 90
}
