// First program of a container that waits for its backend: reads arguments and environment from its standard input, and becomes the image's own
// program. Nothing of it is left then: PID 1 has what it would have had at once.
//
// Stands by itself: no C library, no headers, no other file, so that a program of some hundred bytes runs in any image. `scripts/parked-entry`
// compiles it for each architecture and writes the result into Sources/DroneCore/Parked, since the agent may run in a container or on another
// machine than Docker, and has no other place for it.
//
// What it reads, numbers with four bytes, the least significant first:
//
//     bytes of all that follows · count of arguments · count of variables · arguments and variables, each with a NUL at its end
//
// A variable without '=' has the value the container was made with, in this place. Those that are not named keep theirs, at the end: what the
// runtime has added, such as HOME.

typedef unsigned char byte;
typedef unsigned int u32;
typedef unsigned long word;

#if defined(__x86_64__)
enum { READ = 0, WRITE = 1, MMAP = 9, SIGACTION = 13, DUP3 = 292, EXECVE = 59, EXIT = 231, OPENAT = 257, CLOSE = 3, UNLINKAT = 263 };
static inline long call6(long n, long a, long b, long c, long d, long e, long f) {
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
    return result;
}
__asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall begin\n");
#elif defined(__aarch64__)
enum { READ = 63, WRITE = 64, MMAP = 222, SIGACTION = 134, DUP3 = 24, EXECVE = 221, EXIT = 94, OPENAT = 56, CLOSE = 57, UNLINKAT = 35 };
static inline long call6(long n, long a, long b, long c, long d, long e, long f) {
    register long x8 __asm__("x8") = n;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}
__asm__(".globl _start\n_start:\n\tmov x0, sp\n\tbl begin\n");
#endif

static inline long call3(long n, long a, long b, long c) { return call6(n, a, b, c, 0, 0, 0); }

enum { EINTR = 4, ENOENT = 2, EACCES = 13, ENOTDIR = 20 };

/// Bytes that are read at most, as the agent knows: more than execve(2) takes.
enum { MOST = 4 << 20, LONGEST_PATH = 4096 };

static _Noreturn void leave(int code) {
    for (;;) call3(EXIT, code, 0, 0);
}

/// A first process ignores signals that it has no handler for. Whoever stops Docker while this waits is not to wait for it; the next program begins
/// with the signals as they were, since execve(2) takes handlers away.
static void end(int signal) { leave(128 + signal); }

static void end_by(int signal) {
    struct {
        void (*handler)(int);
        word flags;
        void (*restorer)(void);
        word mask;
    } action = {end, 0x04000000 /* SA_RESTORER, which x86-64 insists on */, 0, 0};
#if defined(__aarch64__)
    struct {
        void (*handler)(int);
        word flags;
        word mask;
    } plain = {end, 0, 0};
    call6(SIGACTION, signal, (long)&plain, 0, 8, 0, 0);
    (void)action;
#else
    call6(SIGACTION, signal, (long)&action, 0, 8, 0, 0);
#endif
}

static u32 number(const byte *at) { return at[0] | (u32)at[1] << 8 | (u32)at[2] << 16 | (u32)at[3] << 24; }

static byte *memory(word bytes) {
    long result = call6(MMAP, 0, bytes, 3 /* read, write */, 0x22 /* private, anonymous */, -1, 0);
    if (result < 0 && result > -4096) leave(125);
    return (byte *)result;
}

/// Ends where the input does, or makes no sense: there is nobody to become.
static void take(byte *into, word count) {
    while (count > 0) {
        long got = call3(READ, 0, (long)into, count);
        if (got == -EINTR) continue;
        if (got <= 0) leave(125);
        into += got;
        count -= got;
    }
}

static char *after(char *text) {
    while (*text) text++;
    return text + 1;
}

/// Whether both are variables of one name.
static int same(const char *a, const char *b) {
    while (*a && *a != '=' && *a == *b) a++, b++;
    return (!*a || *a == '=') && (!*b || *b == '=');
}

static char *of_name(char **variables, const char *name) {
    for (; *variables; variables++)
        if (same(*variables, name)) return *variables;
    return 0;
}

static int has_value(const char *variable) {
    while (*variable && *variable != '=') variable++;
    return *variable == '=';
}

static void say(const char *text) {
    word length = 0;
    while (text[length]) length++;
    call3(WRITE, 2, (long)text, length);
}

/// As runtimes look for it: in the directories of PATH, where it names none.
static long become(char *program, char **arguments, char **variables) {
    for (char *at = program; *at; at++)
        if (*at == '/') return call3(EXECVE, (long)program, (long)arguments, (long)variables);
    char *path = of_name(variables, "PATH");
    if (!path) return -ENOENT;
    long failure = -ENOENT;
    for (path += 5;;) {
        char candidate[LONGEST_PATH];
        word length = 0;
        while (*path && *path != ':' && length < LONGEST_PATH - 2) candidate[length++] = *path++;
        if (length == 0) candidate[length++] = '.';
        candidate[length++] = '/';
        char *at = program;
        while (*at && length < LONGEST_PATH - 1) candidate[length++] = *at++;
        candidate[length] = 0;
        if (!*at && (!*path || *path == ':')) {
            long result = call3(EXECVE, (long)candidate, (long)arguments, (long)variables);
            if (result != -ENOENT && result != -ENOTDIR) failure = result;
            if (result != -ENOENT && result != -ENOTDIR && result != -EACCES) return failure;
        }
        while (*path && *path != ':') path++;
        if (!*path) return failure;
        path++;
    }
}

__attribute__((used)) _Noreturn void begin(word *stack) {
    char **own = (char **)(stack + 1 + stack[0] + 1);
    word owned = 0;
    while (own[owned]) owned++;
    for (int signal = 1; signal <= 15; signal++)
        if (signal == 1 || signal == 2 || signal == 3 || signal == 15) end_by(signal);

    byte head[4];
    take(head, 4);
    u32 bytes = number(head);
    if (bytes < 8 || bytes > MOST) leave(125);
    byte *document = memory(bytes + 1);
    take(document, bytes);
    document[bytes] = 0;
    u32 argument_count = number(document), variable_count = number(document + 4);
    if (argument_count == 0 || argument_count > bytes || variable_count > bytes) leave(125);

    char **arguments = (char **)memory((argument_count + 1 + variable_count + owned + 1) * sizeof(char *));
    char **named = arguments + argument_count + 1, **variables = named;
    char *text = (char *)document + 8, *last = (char *)document + bytes;
    for (u32 i = 0; i < argument_count; i++) {
        if (text >= last) leave(125);
        arguments[i] = text;
        text = after(text);
    }
    for (u32 i = 0; i < variable_count; i++) {
        if (text >= last) leave(125);
        char *value = has_value(text) ? text : of_name(own, text);
        if (value) *variables++ = value;
        text = after(text);
    }
    // The list of those named ends with the null that fresh memory has, where the next one goes.
    for (word i = 0; i < owned; i++)
        if (!of_name(named, own[i])) *variables++ = own[i];

    // Its own file, where the user may take it away.
    call3(UNLINKAT, -100, (long)stack[1], 0);
    // What a container without an input has for one, opened as runtimes do it, for reading and writing.
    long null = call6(OPENAT, -100, (long)"/dev/null", 2, 0, 0, 0);
    if (null > 0) {
        call3(DUP3, null, 0, 0);
        call3(CLOSE, null, 0, 0);
    }
    long failure = become(arguments[0], arguments, named);
    say("the program of the image cannot be run: ");
    say(arguments[0]);
    say("\n");
    leave(failure == -ENOENT || failure == -ENOTDIR ? 127 : 126);
}
