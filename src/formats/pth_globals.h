/* Which globals a checkpoint's pickle may name, and what each means to us. */
#ifndef FSCNN_FORMATS_PTH_GLOBALS_H
#define FSCNN_FORMATS_PTH_GLOBALS_H

#include "formats/pickle.h"
#include "tensor/tensor.h"

enum pth_role {
    PTH_REFUSED = 0,
    PTH_INERT,                                /* harmless things that training scripts leave beside the tensors */
    PTH_MAPPING,                              /* OrderedDict and the like */
    PTH_SIZE,                                 /* torch.Size(tuple) */
    PTH_TENSOR_V1,                            /* _rebuild_tensor(storage, offset, size, stride) */
    PTH_TENSOR_V2,                            /* ... requires_grad, hooks */
    PTH_TENSOR_V3,                            /* ... requires_grad, hooks, dtype */
    PTH_PARAMETER,                            /* Parameter or _rebuild_parameter: (tensor, ...) */
    PTH_TENSOR_OF_TYPE,                       /* _rebuild_from_type_v2(function, type, arguments, state) */
    PTH_BYTES,                                /* a storage without type */
    PTH_STORAGE,                              /* PTH_STORAGE + dtype: torch.FloatStorage ... */
    PTH_DTYPE = PTH_STORAGE + DTYPE_BOOL + 1, /* PTH_DTYPE + dtype: torch.float32 ... */
    PTH_ROLE_END = PTH_DTYPE + DTYPE_BOOL + 1,
};

/* For pickle_parse. */
int pth_role_of(const char *module, size_t module_length, const char *name, size_t name_length);

#endif
