/* The storages that a checkpoint's pickle declares: raw little-endian elements that tensors are views of. */
#ifndef FSCNN_FORMATS_PTH_STORAGE_H
#define FSCNN_FORMATS_PTH_STORAGE_H

#include "formats/pth_globals.h"

struct pth_storage {
    const char *key; /* not NUL-terminated, printable ASCII */
    size_t key_length;
    size_t unit;           /* bytes of an element: 1 for a storage without type */
    size_t bytes;          /* declared */
    size_t offset;         /* of its first declaration in the pickle */
    const uint8_t *source; /* [bytes] in the file, where the container knows it */
    const uint8_t *data;   /* [bytes], NULL until loaded */
};

struct pth_storages {
    struct pth_storage *items; /* sorted by key */
    size_t count;
};

/* One persistent id: ('storage', torch.FloatStorage, key, location, elements[, view]). */
struct pth_storage_id {
    const struct pickle_value *key;
    bool typed;
    enum dtype dtype; /* where typed */
    size_t unit;
    size_t elements;                  /* of the whole storage */
    size_t view_start, view_elements; /* legacy views; otherwise all of it */
};

/* Reads a persistent id. Error FORMAT, without place. */
FSCNN_NODISCARD enum fscnn_status pth_storage_id_read(const struct pickle_value *persistent, struct pth_storage_id *out,
                                                      struct fscnn_error *err);

/* Collects every storage that the pickle declares, in `arena`. Errors FORMAT ("data.pkl +12: ..."), MEMORY. */
FSCNN_NODISCARD enum fscnn_status pth_storages_collect(const struct pickle *pickle, const char *place,
                                                       struct arena *arena, struct pth_storages *out,
                                                       struct fscnn_error *err);
/* NULL where there is none of that key. */
struct pth_storage *pth_storages_find(const struct pth_storages *storages, const char *key, size_t key_length);

/* Where storages come from: fills storage->data with memory from `arena`. */
struct pth_container {
    const char *kind;  /* "zip", "legacy" */
    const char *place; /* of the object's pickle in messages: "data.pkl" */
    enum fscnn_status (*load)(struct pth_container *self, struct pth_storage *storage, struct arena *arena,
                              struct fscnn_error *err);
    void (*close)(struct pth_container *self); /* may be NULL */
};

#endif
