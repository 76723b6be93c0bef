#include "sensitivity_output.h"

#include <stdio.h>

static void append_layer(void *user, const struct fscnn_layer_sensitivity *layer) {
    json_array_append_new(user, json_pack("{s:o, s:s, s:I, s:f, s:f, s:s}", "layer", json_text(layer->name), "op",
                                          layer->op, "macs", (json_int_t)layer->macs, "snr_db", layer->snr_db,
                                          "labels_changed_percent", layer->changed_percent, "precision",
                                          layer->precision == FSCNN_INT8 ? "int8" : "bf16"));
}

struct fscnn_sensitivity sensitivity_collect(json_t *layers) {
    return (struct fscnn_sensitivity){.layer = append_layer, .user = layers};
}

void sensitivity_print(const json_t *layers) {
    printf("quantised alone: signal to noise of the logits, labels changed; layers by what they cost for their work\n");
    for (size_t i = 0; i < json_array_size(layers); i++) {
        const json_t *layer = json_array_get(layers, i);
        printf("  %7.2f dB  %7.4f %%  %8.1f MMAC  %s  %-9s  %s\n", json_number_value(json_object_get(layer, "snr_db")),
               json_number_value(json_object_get(layer, "labels_changed_percent")),
               1e-6 * json_number_value(json_object_get(layer, "macs")),
               json_string_value(json_object_get(layer, "precision")), json_string_value(json_object_get(layer, "op")),
               json_string_value(json_object_get(layer, "layer")));
    }
}
