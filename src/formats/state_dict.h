/* Where in a checkpoint's object the tensors are, and what they are called. */
#ifndef FSCNN_FORMATS_STATE_DICT_H
#define FSCNN_FORMATS_STATE_DICT_H

#include "formats/pth.h"
#include "formats/pth_storage.h"

/* Fills out->tensors, num_tensors and num_others from the state_dict in pickle->root, with memory from out->arena.
 * Errors FORMAT, UNSUPPORTED, MEMORY, without the file's name. */
FSCNN_NODISCARD enum fscnn_status state_dict_read(const struct pickle *pickle, const struct pth_storages *storages,
                                                  struct pth_container *container, struct checkpoint *out,
                                                  struct fscnn_error *err);

#endif
