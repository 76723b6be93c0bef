/* The two ways of torch.save to put a pickle and its storages into one file. */
#ifndef FSCNN_FORMATS_PTH_CONTAINER_H
#define FSCNN_FORMATS_PTH_CONTAINER_H

#include "formats/pth_storage.h"

struct pth_content {
    struct pickle pickle; /* the object */
    struct pth_storages storages;
    struct pth_container *container; /* loads the storages; NULL where opening failed */
};

/* A zip archive (torch 1.6 and later):
 *   NAME/data.pkl      the object, a pickle
 *   NAME/data/KEY      one storage each, raw
 *   NAME/byteorder     "little" or "big"; absent before torch 2.1
 *   NAME/version, .format_version, ... not needed
 * NAME is any string; entries are stored (as torch writes them) or deflated (zipped again by hand).
 *
 * The content lives in `arena` and points into `data`. Close it even after an error.
 * Errors: FORMAT ("data.pkl +12: ...", "entry model/data/3: ..."), UNSUPPORTED, MEMORY. */
FSCNN_NODISCARD enum fscnn_status pth_zip_open(const void *data, size_t size, struct arena *arena,
                                               struct pth_content *out, struct fscnn_error *err);

/* The older layout, five pickles and then the storages:
 *   magic number 0x1950a86a20f9469cfc6c | protocol version 1001 | {little_endian, protocol_version, type_sizes}
 *   the object | [storage key, ...] | for each key: int64 number of elements, raw elements
 * Errors as above ("object +1432: ...": offsets are those of the file). */
FSCNN_NODISCARD enum fscnn_status pth_legacy_open(const void *data, size_t size, struct arena *arena,
                                                  struct pth_content *out, struct fscnn_error *err);
bool pth_legacy_is(const void *data, size_t size);

/* Accepts a zeroed content and one whose opening failed. */
void pth_content_close(struct pth_content *content);

/* Parses the object's pickle at in->pos and collects its storages: what both layouts share. A refusal says so where
 * the pickle is of a whole model. */
FSCNN_NODISCARD enum fscnn_status pth_object_parse(struct bytes *in, const char *place, struct arena *arena,
                                                   struct pth_content *out, struct fscnn_error *err);

#endif
