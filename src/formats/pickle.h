/* A restricted pickle machine: bytes -> a tree of inert values. Nothing is imported, called or executed.
 *
 * A pickle is a program for a stack machine. This one understands the opcodes of protocols 0 to 5 that build data;
 * where a program names a global, the caller decides what role that global plays, or refuses it. Calls (REDUCE,
 * NEWOBJ) become PICKLE_OBJECT values that only record what would have been called, and with which arguments.
 *
 * Values live in the arena and point into the input: both must outlive them. The tree may share and even contain
 * itself, so those who walk it bound their depth.
 */
#ifndef FSCNN_FORMATS_PICKLE_H
#define FSCNN_FORMATS_PICKLE_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/status.h"

enum pickle_kind {
    PICKLE_NONE,
    PICKLE_BOOL,       /* integer */
    PICKLE_INT,        /* integer */
    PICKLE_BIG_INT,    /* text: beyond int64, little-endian two's complement bytes or (LONG) decimal digits */
    PICKLE_FLOAT,      /* its value is not kept: no tensor needs one */
    PICKLE_STRING,     /* text, not NUL-terminated, of unchecked encoding */
    PICKLE_BYTES,      /* text */
    PICKLE_TUPLE,      /* items[count] */
    PICKLE_LIST,       /* items[count] */
    PICKLE_SET,        /* its members are not kept */
    PICKLE_DICT,       /* items[count]: key, value, key, value, ...; a key may occur twice */
    PICKLE_GLOBAL,     /* role */
    PICKLE_PERSISTENT, /* args: the persistent id */
    PICKLE_OBJECT,     /* role of what was called, args; items as DICT where the program set any */
};

struct pickle_value {
    enum pickle_kind kind;
    int role; /* GLOBAL, OBJECT */
    uint32_t count, capacity;
    size_t offset; /* of its opcode in the input, for messages */
    union {
        int64_t integer;
        struct {
            const char *text;
            size_t length;
        };
    };
    struct pickle_value **items;
    const struct pickle_value *args; /* OBJECT: a TUPLE; PERSISTENT: anything */
};

struct pickle {
    const struct pickle_value *root;
    struct pickle_value **persistent; /* every PERSISTENT value, in file order */
    size_t num_persistent;
};

/* The role of global module.name, greater than 0, or 0 to refuse it. */
typedef int pickle_role_of(const char *module, size_t module_length, const char *name, size_t name_length);

/* Reads one pickle from in->pos up to and with its STOP. `place` ("data.pkl") opens the messages.
 * Memory in `arena` and beside it is at most some 300 times the input's length, and at most 300 MiB.
 * Errors: FORMAT ("data.pkl +12: ..."), UNSUPPORTED ("data.pkl +1432: global posix.system refused"), MEMORY. */
FSCNN_NODISCARD enum fscnn_status pickle_parse(struct bytes *in, const char *place, pickle_role_of *role_of,
                                               struct arena *arena, struct pickle *out, struct fscnn_error *err);

/* Whether a STRING value equals `text`. */
bool pickle_is_string(const struct pickle_value *value, const char *text);
const char *pickle_kind_name(enum pickle_kind kind); /* "a dict", "None", ... */

#endif
