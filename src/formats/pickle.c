#include "formats/pickle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Far above what training scripts write (a Fast-SCNN with its optimizer has 10,000 values), far below what hurts. */
enum { MAX_STACK = 1 << 20, MAX_PROTOCOL = 5, BYTES_PER_INPUT_BYTE = 256, MEMO_GAP = 16, MAX_MEMO = 1 << 22 };
#define ARENA_BASE ((size_t)1 << 20)
#define ARENA_MOST ((size_t)256 << 20)

/* A growing array of values outside the arena: stack and memo shrink and grow too often for it. */
struct pile {
    struct pickle_value **items;
    size_t count, capacity;
};

struct machine {
    struct bytes *in;
    const char *place;
    pickle_role_of *role_of;
    struct arena *arena;
    struct fscnn_error *err;
    enum fscnn_status status; /* sticky: checked once an opcode */
    size_t at;                /* where the current opcode is */
    struct pile stack, memo, persistent;
    size_t *marks; /* stack depths at MARK */
    size_t num_marks, marks_capacity;
    struct pickle_value scrap; /* stands in after a failure, so that callers need no checks of their own */
};

#define FAIL(m, code, ...) ((m)->status == FSCNN_OK ? fail_at(m, error_set((m)->err, code, __VA_ARGS__)) : (void)0)

static void fail_at(struct machine *m, enum fscnn_status status) {
    m->status = error_prefix(m->err, status, "%s +%zu", m->place, m->at);
}

static void fail_memory(struct machine *m) {
    FAIL(m, FSCNN_ERROR_MEMORY, "pickle needs more than %zu bytes", m->arena->limit);
}

/* ------------------------------------------------------------------------- stack and values ---- */

static bool pile_reserve(struct machine *m, struct pile *pile, size_t count) {
    if (count <= pile->capacity) {
        return true;
    }
    size_t capacity = count > 2 * pile->capacity ? count : 2 * pile->capacity;
    capacity = capacity < 64 ? 64 : capacity;
    struct pickle_value **items = realloc(pile->items, capacity * sizeof(*items));
    if (!items) {
        fail_memory(m);
        return false;
    }
    memset(items + pile->capacity, 0, (capacity - pile->capacity) * sizeof(*items));
    pile->items = items;
    pile->capacity = capacity;
    return true;
}

static void push(struct machine *m, struct pickle_value *value) {
    if (m->stack.count >= MAX_STACK) {
        FAIL(m, FSCNN_ERROR_MEMORY, "pickle stack deeper than %d values", MAX_STACK);
    } else if (pile_reserve(m, &m->stack, m->stack.count + 1)) {
        m->stack.items[m->stack.count++] = value;
    }
}

/* Where the stack ends for pops: the last mark. */
static size_t stack_floor(const struct machine *m) { return m->num_marks ? m->marks[m->num_marks - 1] : 0; }

static struct pickle_value *top(struct machine *m) {
    if (m->stack.count <= stack_floor(m)) {
        FAIL(m, FSCNN_ERROR_FORMAT, "pickle takes a value from an empty stack");
        m->scrap = (struct pickle_value){.kind = PICKLE_NONE};
        return &m->scrap;
    }
    return m->stack.items[m->stack.count - 1];
}

static struct pickle_value *pop(struct machine *m) {
    struct pickle_value *value = top(m);
    m->stack.count -= m->status == FSCNN_OK;
    return value;
}

/* A fresh value, not yet pushed. */
static struct pickle_value *value_new(struct machine *m, enum pickle_kind kind) {
    struct pickle_value *value = arena_alloc(m->arena, 1, sizeof(*value));
    if (!value) {
        fail_memory(m);
        value = &m->scrap;
    }
    *value = (struct pickle_value){.kind = kind, .offset = m->at};
    return value;
}

static struct pickle_value *push_new(struct machine *m, enum pickle_kind kind) {
    struct pickle_value *value = value_new(m, kind);
    push(m, value);
    return value;
}

static void push_integer(struct machine *m, enum pickle_kind kind, int64_t integer) {
    push_new(m, kind)->integer = integer;
}

static void push_text(struct machine *m, enum pickle_kind kind, const void *text, size_t length) {
    struct pickle_value *value = push_new(m, kind);
    value->text = text;
    value->length = length;
}

static void mark(struct machine *m) {
    if (m->num_marks == m->marks_capacity) {
        size_t capacity = m->marks_capacity ? 2 * m->marks_capacity : 64;
        size_t *marks = capacity <= MAX_STACK ? realloc(m->marks, capacity * sizeof(*marks)) : NULL;
        if (!marks) {
            FAIL(m, FSCNN_ERROR_MEMORY, "pickle has more than %zu open marks", m->marks_capacity);
            return;
        }
        m->marks = marks;
        m->marks_capacity = capacity;
    }
    m->marks[m->num_marks++] = m->stack.count;
}

/* Takes what is above the last mark; the values stay readable in the stack until the next push. */
static struct pickle_value **pop_to_mark(struct machine *m, size_t *count) {
    *count = 0;
    if (m->num_marks == 0) {
        FAIL(m, FSCNN_ERROR_FORMAT, "pickle has no mark to go back to");
        return NULL;
    }
    size_t start = m->marks[--m->num_marks];
    *count = m->stack.count - start;
    m->stack.count = start;
    return *count ? m->stack.items + start : NULL;
}

static void append(struct machine *m, struct pickle_value *to, struct pickle_value *const *values, size_t count) {
    if (count > to->capacity - to->count) {
        size_t capacity = to->count + count > 2 * (size_t)to->capacity ? to->count + count : 2 * (size_t)to->capacity;
        capacity = (capacity + 7) / 8 * 8; /* the arena gives whole cache lines anyway */
        struct pickle_value **items =
            capacity <= UINT32_MAX ? arena_alloc(m->arena, capacity, sizeof(struct pickle_value *)) : NULL;
        if (!items) {
            fail_memory(m);
            return;
        }
        if (to->count) {
            memcpy(items, to->items, to->count * sizeof(struct pickle_value *));
        }
        to->items = items;
        to->capacity = (uint32_t)capacity;
    }
    if (count) {
        memcpy(to->items + to->count, values, count * sizeof(struct pickle_value *));
        to->count += (uint32_t)count;
    }
}

/* ------------------------------------------------------------------------- numbers and text ---- */

/* LONG1, LONG4: little-endian two's complement of any length. */
static void push_long(struct machine *m, size_t length) {
    const uint8_t *p = bytes_take(m->in, length);
    if (!p) {
        return;
    }
    if (length > sizeof(int64_t)) {
        push_text(m, PICKLE_BIG_INT, p, length);
        return;
    }
    uint64_t value = length && p[length - 1] >= 0x80 ? UINT64_MAX : 0;
    for (size_t i = length; i-- > 0;) {
        value = value << 8 | p[i];
    }
    push_integer(m, PICKLE_INT, (int64_t)value);
}

/* INT, LONG: a line of decimal digits; LONG ends in "L", INT spells False and True as 00 and 01. */
static void push_decimal(struct machine *m, bool is_int) {
    size_t length;
    const char *line = bytes_line(m->in, &length);
    char digits[24], *end;
    if (!line) {
        return;
    }
    if (is_int && length == 2 && line[0] == '0' && (line[1] == '0' || line[1] == '1')) {
        push_integer(m, PICKLE_BOOL, line[1] == '1');
        return;
    }
    length -= !is_int && length && line[length - 1] == 'L';
    if (length >= sizeof(digits)) {
        push_text(m, PICKLE_BIG_INT, line, length);
        return;
    }
    memcpy(digits, line, length);
    digits[length] = '\0';
    errno = 0;
    long long value = strtoll(digits, &end, 10);
    if (errno == ERANGE) {
        push_text(m, PICKLE_BIG_INT, line, length);
    } else if (end == digits || *end != '\0') {
        FAIL(m, FSCNN_ERROR_FORMAT, "'%s' is not a number", digits);
    } else {
        push_integer(m, PICKLE_INT, value);
    }
}

/* Opcodes that push a number, None or a bool; false: not one of them. */
static bool step_number(struct machine *m, uint8_t op) {
    size_t length;
    switch (op) {
    case 'N': push_new(m, PICKLE_NONE); break;
    case 0x88: push_integer(m, PICKLE_BOOL, 1); break;
    case 0x89: push_integer(m, PICKLE_BOOL, 0); break;
    case 'I': push_decimal(m, true); break;
    case 'L': push_decimal(m, false); break;
    case 'J': push_integer(m, PICKLE_INT, (int32_t)bytes_u32(m->in)); break;
    case 'K': push_integer(m, PICKLE_INT, bytes_u8(m->in)); break;
    case 'M': push_integer(m, PICKLE_INT, bytes_u16(m->in)); break;
    case 0x8a: push_long(m, bytes_u8(m->in)); break;
    case 0x8b: push_long(m, bytes_u32(m->in)); break;
    case 'F':
        bytes_line(m->in, &length);
        push_new(m, PICKLE_FLOAT);
        break;
    case 'G':
        bytes_take(m->in, 8);
        push_new(m, PICKLE_FLOAT);
        break;
    default: return false;
    }
    return true;
}

static void push_counted(struct machine *m, enum pickle_kind kind, uint64_t length) {
    const uint8_t *text = length <= SIZE_MAX ? bytes_take(m->in, (size_t)length) : NULL;
    if (text) {
        push_text(m, kind, text, (size_t)length);
    } else {
        m->in->failed = true;
    }
}

/* STRING, UNICODE: a line. Quotes go, escapes stay as they are written (torch writes neither opcode). */
static void push_line(struct machine *m) {
    size_t length;
    const char *line = bytes_line(m->in, &length);
    if (line && length >= 2 && (line[0] == '\'' || line[0] == '"') && line[length - 1] == line[0]) {
        line++;
        length -= 2;
    }
    if (line) {
        push_text(m, PICKLE_STRING, line, length);
    }
}

static bool step_text(struct machine *m, uint8_t op) {
    switch (op) {
    case 'S':
    case 'V': push_line(m); break;
    case 'X':
    case 'T': push_counted(m, PICKLE_STRING, bytes_u32(m->in)); break;
    case 0x8c:
    case 'U': push_counted(m, PICKLE_STRING, bytes_u8(m->in)); break;
    case 0x8d: push_counted(m, PICKLE_STRING, bytes_u64(m->in)); break;
    case 'B': push_counted(m, PICKLE_BYTES, bytes_u32(m->in)); break;
    case 'C': push_counted(m, PICKLE_BYTES, bytes_u8(m->in)); break;
    case 0x8e:
    case 0x96: push_counted(m, PICKLE_BYTES, bytes_u64(m->in)); break;
    default: return false;
    }
    return true;
}

/* ------------------------------------------------------------------------------- containers ---- */

static void push_tuple(struct machine *m, size_t count) {
    if (m->stack.count - stack_floor(m) < count) {
        FAIL(m, FSCNN_ERROR_FORMAT, "pickle takes a value from an empty stack");
        return;
    }
    struct pickle_value *tuple = value_new(m, PICKLE_TUPLE);
    m->stack.count -= count;
    append(m, tuple, m->stack.items + m->stack.count, count);
    push(m, tuple);
}

/* TUPLE, LIST, DICT, FROZENSET: everything above the mark becomes one value. */
static void push_marked(struct machine *m, enum pickle_kind kind) {
    size_t count;
    struct pickle_value **values = pop_to_mark(m, &count);
    struct pickle_value *value = value_new(m, kind);
    if (kind == PICKLE_DICT && count % 2 != 0) {
        FAIL(m, FSCNN_ERROR_FORMAT, "dict with a key that has no value");
    } else if (kind != PICKLE_SET) {
        append(m, value, values, count);
    }
    push(m, value);
}

/* SETITEM(S): pairs into the dict, or dict-like object, on top of the stack. */
static void set_items(struct machine *m, struct pickle_value *const *values, size_t count) {
    struct pickle_value *dict = top(m);
    if (dict->kind != PICKLE_DICT && dict->kind != PICKLE_OBJECT) {
        FAIL(m, FSCNN_ERROR_FORMAT, "items set in %s", pickle_kind_name(dict->kind));
    } else if (count % 2 != 0) {
        FAIL(m, FSCNN_ERROR_FORMAT, "dict with a key that has no value");
    } else {
        append(m, dict, values, count);
    }
}

static void append_items(struct machine *m, struct pickle_value *const *values, size_t count) {
    struct pickle_value *list = top(m);
    if (list->kind == PICKLE_LIST) {
        append(m, list, values, count);
    } else if (list->kind != PICKLE_OBJECT) { /* what a deque holds is not kept */
        FAIL(m, FSCNN_ERROR_FORMAT, "values appended to %s", pickle_kind_name(list->kind));
    }
}

static bool step_container(struct machine *m, uint8_t op) {
    size_t count = 0;
    struct pickle_value *pair[2], **values;
    switch (op) {
    case '(': mark(m); break;
    case '0': pop(m); break;
    case '1': pop_to_mark(m, &count); break;
    case '2': push(m, top(m)); break;
    case ')': push_new(m, PICKLE_TUPLE); break;
    case ']': push_new(m, PICKLE_LIST); break;
    case '}': push_new(m, PICKLE_DICT); break;
    case 0x8f: push_new(m, PICKLE_SET); break;
    case 't': push_marked(m, PICKLE_TUPLE); break;
    case 'l': push_marked(m, PICKLE_LIST); break;
    case 'd': push_marked(m, PICKLE_DICT); break;
    case 0x91: push_marked(m, PICKLE_SET); break;
    case 0x85: push_tuple(m, 1); break;
    case 0x86: push_tuple(m, 2); break;
    case 0x87: push_tuple(m, 3); break;
    case 's':
        pair[1] = pop(m);
        pair[0] = pop(m);
        set_items(m, pair, 2);
        break;
    case 'a':
        pair[0] = pop(m);
        append_items(m, pair, 1);
        break;
    case 'u':
        values = pop_to_mark(m, &count);
        set_items(m, values, count);
        break;
    case 'e':
        values = pop_to_mark(m, &count);
        append_items(m, values, count);
        break;
    case 0x90:
        pop_to_mark(m, &count);
        if (top(m)->kind != PICKLE_SET) {
            FAIL(m, FSCNN_ERROR_FORMAT, "members added to %s", pickle_kind_name(top(m)->kind));
        }
        break;
    default: return false;
    }
    return true;
}

/* ---------------------------------------------------------------------------------- objects ---- */

static int printable_length(size_t length) { return length > 120 ? 120 : (int)length; }

static void push_global(struct machine *m, const char *module, size_t module_length, const char *name,
                        size_t name_length) {
    int role = m->role_of(module, module_length, name, name_length);
    if (role <= 0) {
        FAIL(m, FSCNN_ERROR_UNSUPPORTED, "global %.*s.%.*s refused", printable_length(module_length), module,
             printable_length(name_length), name);
        return;
    }
    push_new(m, PICKLE_GLOBAL)->role = role;
}

static void push_global_lines(struct machine *m) {
    size_t module_length, name_length;
    const char *module = bytes_line(m->in, &module_length);
    const char *name = bytes_line(m->in, &name_length);
    if (module && name) {
        push_global(m, module, module_length, name, name_length);
    }
}

static void push_global_stack(struct machine *m) {
    const struct pickle_value *name = pop(m), *module = pop(m);
    if (name->kind != PICKLE_STRING || module->kind != PICKLE_STRING) {
        FAIL(m, FSCNN_ERROR_FORMAT, "a global is named by %s and %s", pickle_kind_name(module->kind),
             pickle_kind_name(name->kind));
    } else {
        push_global(m, module->text, module->length, name->text, name->length);
    }
}

/* REDUCE, NEWOBJ, NEWOBJ_EX: records what would have been called. */
static void push_object(struct machine *m, bool keywords) {
    if (keywords) {
        pop(m);
    }
    const struct pickle_value *args = pop(m), *callable = pop(m);
    if (callable->kind != PICKLE_GLOBAL || args->kind != PICKLE_TUPLE) {
        FAIL(m, FSCNN_ERROR_FORMAT, "%s called with %s", pickle_kind_name(callable->kind),
             pickle_kind_name(args->kind));
        return;
    }
    struct pickle_value *object = push_new(m, PICKLE_OBJECT);
    object->role = callable->role;
    object->args = args;
}

static void push_persistent(struct machine *m) {
    const struct pickle_value *id = pop(m);
    struct pickle_value *value = push_new(m, PICKLE_PERSISTENT);
    value->args = id;
    if (pile_reserve(m, &m->persistent, m->persistent.count + 1)) {
        m->persistent.items[m->persistent.count++] = value;
    }
}

static bool step_object(struct machine *m, uint8_t op) {
    switch (op) {
    case 'c': push_global_lines(m); break;
    case 0x93: push_global_stack(m); break;
    case 'R':
    case 0x81: push_object(m, false); break;
    case 0x92: push_object(m, true); break;
    case 'Q': push_persistent(m); break;
    case 'b':
        pop(m); /* the state: no tensor needs one (an OrderedDict carries _metadata) */
        if (top(m)->kind != PICKLE_OBJECT) {
            FAIL(m, FSCNN_ERROR_FORMAT, "state given to %s", pickle_kind_name(top(m)->kind));
        }
        break;
    default: return false;
    }
    return true;
}

/* ------------------------------------------------------------------------------------- memo ---- */

/* Picklers number their memo from 0 (or 1) upward: a number far beyond the last one only wants memory. */
static void memo_put(struct machine *m, size_t index) {
    struct pickle_value *value = top(m);
    if (m->in->failed) {
        return;
    }
    if (index >= MAX_MEMO) {
        FAIL(m, FSCNN_ERROR_MEMORY, "pickle memo of more than %d entries", MAX_MEMO);
    } else if (index > m->memo.count + MEMO_GAP) {
        FAIL(m, FSCNN_ERROR_FORMAT, "memo index %zu follows %zu entries", index, m->memo.count);
    } else if (pile_reserve(m, &m->memo, index + 1)) {
        m->memo.items[index] = value;
        m->memo.count = m->memo.count > index ? m->memo.count : index + 1;
    }
}

static void memo_get(struct machine *m, size_t index) {
    if (m->in->failed) {
        return;
    }
    if (index >= m->memo.count || !m->memo.items[index]) {
        FAIL(m, FSCNN_ERROR_FORMAT, "memo index %zu is empty", index);
    } else {
        push(m, m->memo.items[index]);
    }
}

static size_t memo_line(struct machine *m) {
    size_t length, value = 0;
    const char *line = bytes_line(m->in, &length);
    m->in->failed |= length == 0 || length > 9;
    for (size_t i = 0; !m->in->failed && i < length; i++) {
        m->in->failed |= line[i] < '0' || line[i] > '9';
        value = 10 * value + (size_t)(line[i] - '0');
    }
    return value;
}

static bool step_memo(struct machine *m, uint8_t op) {
    switch (op) {
    case 'p': memo_put(m, memo_line(m)); break;
    case 'q': memo_put(m, bytes_u8(m->in)); break;
    case 'r': memo_put(m, bytes_u32(m->in)); break;
    case 0x94: memo_put(m, m->memo.count); break;
    case 'g': memo_get(m, memo_line(m)); break;
    case 'h': memo_get(m, bytes_u8(m->in)); break;
    case 'j': memo_get(m, bytes_u32(m->in)); break;
    default: return false;
    }
    return true;
}

/* ---------------------------------------------------------------------------------- program ---- */

static void refuse_opcode(struct machine *m, uint8_t op) {
    static const struct {
        uint8_t op;
        const char *name;
    } known[] = {{'i', "INST"},  {'o', "OBJ"},   {'P', "PERSID"},       {0x82, "EXT1"},
                 {0x83, "EXT2"}, {0x84, "EXT4"}, {0x97, "NEXT_BUFFER"}, {0x98, "READONLY_BUFFER"}};
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (known[i].op == op) {
            FAIL(m, FSCNN_ERROR_UNSUPPORTED, "opcode %s refused", known[i].name);
        }
    }
    FAIL(m, FSCNN_ERROR_FORMAT, "0x%02x is no pickle opcode", op);
}

static void step(struct machine *m, uint8_t op) {
    if (op == 0x80) {
        uint8_t protocol = bytes_u8(m->in);
        if (protocol > MAX_PROTOCOL) {
            FAIL(m, FSCNN_ERROR_UNSUPPORTED, "pickle protocol %d refused (at most %d)", protocol, MAX_PROTOCOL);
        }
    } else if (op == 0x95) {
        bytes_u64(m->in); /* FRAME: a hint for buffering */
    } else if (!step_number(m, op) && !step_text(m, op) && !step_container(m, op) && !step_object(m, op) &&
               !step_memo(m, op)) {
        refuse_opcode(m, op);
    }
}

static void run(struct machine *m, struct pickle *out) {
    while (m->status == FSCNN_OK) {
        m->at = m->in->pos;
        uint8_t op = bytes_u8(m->in);
        if (!m->in->failed && op == '.') {
            out->root = pop(m);
            return;
        }
        if (!m->in->failed) {
            step(m, op);
        }
        if (m->in->failed) {
            FAIL(m, FSCNN_ERROR_FORMAT, "pickle cut short or damaged");
        }
    }
}

enum fscnn_status pickle_parse(struct bytes *in, const char *place, pickle_role_of *role_of, struct arena *arena,
                               struct pickle *out, struct fscnn_error *err) {
    size_t length = bytes_left(in), limit = arena->limit;
    size_t most = length > (ARENA_MOST - ARENA_BASE) / BYTES_PER_INPUT_BYTE
                      ? ARENA_MOST
                      : ARENA_BASE + length * BYTES_PER_INPUT_BYTE;
    if (!limit || limit > arena->used + most) {
        arena->limit = arena->used + most;
    }
    struct machine m = {.in = in, .place = place, .role_of = role_of, .arena = arena, .err = err};
    *out = (struct pickle){0};
    run(&m, out);
    if (m.status == FSCNN_OK && m.persistent.count) {
        out->persistent = arena_alloc(arena, m.persistent.count, sizeof(*out->persistent));
        if (out->persistent) {
            out->num_persistent = m.persistent.count;
            memcpy(out->persistent, m.persistent.items, m.persistent.count * sizeof(*out->persistent));
        } else {
            fail_memory(&m);
        }
    }
    arena->limit = limit;
    free(m.stack.items);
    free(m.memo.items);
    free(m.persistent.items);
    free(m.marks);
    return m.status;
}

bool pickle_is_string(const struct pickle_value *value, const char *text) {
    return value->kind == PICKLE_STRING && value->length == strlen(text) &&
           (value->length == 0 || memcmp(value->text, text, value->length) == 0);
}

const char *pickle_kind_name(enum pickle_kind kind) {
    static const char *const names[] = {[PICKLE_NONE] = "None",
                                        [PICKLE_BOOL] = "a bool",
                                        [PICKLE_INT] = "an int",
                                        [PICKLE_BIG_INT] = "a long int",
                                        [PICKLE_FLOAT] = "a float",
                                        [PICKLE_STRING] = "a string",
                                        [PICKLE_BYTES] = "bytes",
                                        [PICKLE_TUPLE] = "a tuple",
                                        [PICKLE_LIST] = "a list",
                                        [PICKLE_SET] = "a set",
                                        [PICKLE_DICT] = "a dict",
                                        [PICKLE_GLOBAL] = "a global",
                                        [PICKLE_PERSISTENT] = "a storage",
                                        [PICKLE_OBJECT] = "an object"};
    return names[kind];
}
