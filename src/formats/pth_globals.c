#include "formats/pth_globals.h"

#include <string.h>

struct known_global {
    const char *module, *name;
    int role;
};

static const struct known_global known[] = {
    {"torch._utils", "_rebuild_tensor", PTH_TENSOR_V1},
    {"torch._utils", "_rebuild_tensor_v2", PTH_TENSOR_V2},
    {"torch._utils", "_rebuild_tensor_v3", PTH_TENSOR_V3},
    {"torch._utils", "_rebuild_parameter", PTH_PARAMETER},
    {"torch._utils", "_rebuild_parameter_with_state", PTH_PARAMETER},
    {"torch.nn.parameter", "Parameter", PTH_PARAMETER},
    {"torch._tensor", "_rebuild_from_type_v2", PTH_TENSOR_OF_TYPE},
    {"torch", "Size", PTH_SIZE},

    {"torch", "FloatStorage", PTH_STORAGE + DTYPE_F32},
    {"torch", "HalfStorage", PTH_STORAGE + DTYPE_F16},
    {"torch", "BFloat16Storage", PTH_STORAGE + DTYPE_BF16},
    {"torch", "DoubleStorage", PTH_STORAGE + DTYPE_F64},
    {"torch", "LongStorage", PTH_STORAGE + DTYPE_I64},
    {"torch", "IntStorage", PTH_STORAGE + DTYPE_I32},
    {"torch", "ShortStorage", PTH_STORAGE + DTYPE_I16},
    {"torch", "CharStorage", PTH_STORAGE + DTYPE_I8},
    {"torch", "ByteStorage", PTH_STORAGE + DTYPE_U8},
    {"torch", "BoolStorage", PTH_STORAGE + DTYPE_BOOL},
    {"torch", "UntypedStorage", PTH_BYTES},
    {"torch.storage", "UntypedStorage", PTH_BYTES},
    {"torch.storage", "_UntypedStorage", PTH_BYTES},

    {"torch", "float32", PTH_DTYPE + DTYPE_F32},
    {"torch", "float16", PTH_DTYPE + DTYPE_F16},
    {"torch", "bfloat16", PTH_DTYPE + DTYPE_BF16},
    {"torch", "float64", PTH_DTYPE + DTYPE_F64},
    {"torch", "int64", PTH_DTYPE + DTYPE_I64},
    {"torch", "int32", PTH_DTYPE + DTYPE_I32},
    {"torch", "int16", PTH_DTYPE + DTYPE_I16},
    {"torch", "int8", PTH_DTYPE + DTYPE_I8},
    {"torch", "uint8", PTH_DTYPE + DTYPE_U8},
    {"torch", "bool", PTH_DTYPE + DTYPE_BOOL},

    {"collections", "OrderedDict", PTH_MAPPING},
    {"collections", "defaultdict", PTH_MAPPING},
    {"collections", "Counter", PTH_INERT},
    {"collections", "deque", PTH_INERT},
    {"argparse", "Namespace", PTH_INERT},
    {"pathlib", "Path", PTH_INERT},
    {"pathlib", "PosixPath", PTH_INERT},
    {"pathlib", "WindowsPath", PTH_INERT},
    {"pathlib", "PurePosixPath", PTH_INERT},
    {"datetime", "date", PTH_INERT},
    {"datetime", "datetime", PTH_INERT},
    {"datetime", "timedelta", PTH_INERT},
    {"_codecs", "encode", PTH_INERT}, /* how protocol 2 spells bytes */
    {"copyreg", "_reconstructor", PTH_INERT},
    {"copy_reg", "_reconstructor", PTH_INERT},
    {"torch", "device", PTH_INERT},
    {"torch", "dtype", PTH_INERT},
    {"torch", "Tensor", PTH_INERT}, /* as an argument of _rebuild_from_type_v2 */
    {"torch.serialization", "_get_layout", PTH_INERT},
    {"numpy", "dtype", PTH_INERT},
    {"numpy", "ndarray", PTH_INERT},
    {"numpy.core.multiarray", "scalar", PTH_INERT},
    {"numpy.core.multiarray", "_reconstruct", PTH_INERT},
    {"numpy._core.multiarray", "scalar", PTH_INERT},
    {"numpy._core.multiarray", "_reconstruct", PTH_INERT},
};

/* Types of builtins whose values are data; their functions (eval, getattr, ...) stay refused. */
static const char *const builtin_types[] = {"bool",      "bytearray", "bytes", "complex", "dict",   "float",
                                            "frozenset", "int",       "list",  "object",  "range",  "set",
                                            "slice",     "str",       "tuple", "long",    "unicode"};

static bool text_is(const char *text, size_t length, const char *wanted) {
    return strlen(wanted) == length && memcmp(text, wanted, length) == 0;
}

int pth_role_of(const char *module, size_t module_length, const char *name, size_t name_length) {
    if (module_length == 0 || name_length == 0) {
        return PTH_REFUSED;
    }
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (text_is(name, name_length, known[i].name) && text_is(module, module_length, known[i].module)) {
            return known[i].role;
        }
    }
    if (text_is(module, module_length, "builtins") || text_is(module, module_length, "__builtin__")) {
        for (size_t i = 0; i < ARRAY_SIZE(builtin_types); i++) {
            if (text_is(name, name_length, builtin_types[i])) {
                return PTH_INERT;
            }
        }
    }
    return PTH_REFUSED;
}
