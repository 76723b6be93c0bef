/* Tensors of a checkpoint's pickle: views (offset, sizes, strides) of storages -> contiguous data. */
#ifndef FSCNN_FORMATS_PTH_TENSOR_H
#define FSCNN_FORMATS_PTH_TENSOR_H

#include "formats/pth_storage.h"

/* Whether a value is a tensor or a parameter, well-formed or not. */
bool pth_is_tensor(const struct pickle_value *value);

/* Checks the view against its storage, then loads and gathers it: out->data is in `arena` (shared with the other
 * views of the storage where this one is contiguous). out->name is left alone.
 * Errors, without place: FORMAT, UNSUPPORTED (more than TENSOR_MAX_RANK dimensions), MEMORY, and those of loading. */
FSCNN_NODISCARD enum fscnn_status pth_tensor_read(const struct pickle_value *value, const struct pth_storages *storages,
                                                  struct pth_container *container, struct arena *arena,
                                                  struct tensor *out, struct fscnn_error *err);

#endif
