#include "import/fast_scnn_layers.h"

#include <stdio.h>
#include <string.h>

/* A depthwise 3x3 and a pointwise convolution, ReLU after each. */
#define SEPARABLE(stage, p, in, out, stride)                                                                           \
    {stage, p ".block.depthwise", p ".block.bn_depth", in, in, 3, stride, 1, true, false, ACT_RELU, SKIP_NONE}, {      \
        stage, p ".block.pointwise", p ".block.bn_point", in, out, 1, 1, 0, false, false, ACT_RELU, SKIP_NONE          \
    }

/* Expand sixfold, depthwise 3x3, project without activation; `first` and `last` say whether there is a skip. */
#define INVERTED(p, in, out, stride, first, last)                                                                      \
    {STAGE_BOTTLENECKS, p ".conv.0.conv", p ".conv.0.bn", in, 6 * in, 1, 1, 0, false, false, ACT_RELU6, first},        \
        {STAGE_BOTTLENECKS, p ".conv.1.conv", p ".conv.1.bn", 6 * in, 6 * in, 3, stride, 1, true, false,               \
         ACT_RELU6,         SKIP_NONE},                                                                                \
    {                                                                                                                  \
        STAGE_BOTTLENECKS, p ".conv.2", p ".conv.3", 6 * in, out, 1, 1, 0, false, false, ACT_NONE, last                \
    }
#define INVERTED_PLAIN(p, in, out, stride) INVERTED(p, in, out, stride, SKIP_NONE, SKIP_NONE)
#define INVERTED_SKIP(p, width) INVERTED(p, width, width, 1, SKIP_FIRST, SKIP_LAST)

#define POINTWISE(stage, p, in, out)                                                                                   \
    { stage, p ".conv", p ".bn", in, out, 1, 1, 0, false, false, ACT_RELU, SKIP_NONE }

#define AUXILIARY(p, in)                                                                                               \
    {STAGE_AUXILIARY, p ".0", p ".1", in, 32, 3, 1, 1, false, false, ACT_RELU, SKIP_NONE}, {                           \
        STAGE_AUXILIARY, p ".4", NULL, 32, FAST_SCNN_CLASSES, 1, 1, 0, false, true, ACT_NONE, SKIP_NONE                \
    }

#define DOWNSAMPLE "learning_to_downsample"
#define GLOBAL "global_feature_extractor"
#define FUSION "feature_fusion"

const struct fast_scnn_layer fast_scnn_layers[] = {
    {STAGE_DOWNSAMPLE, DOWNSAMPLE ".conv.conv", DOWNSAMPLE ".conv.bn", 3, 32, 3, 2, 0, false, false, ACT_RELU,
     SKIP_NONE},
    SEPARABLE(STAGE_DOWNSAMPLE, DOWNSAMPLE ".dsconv1", 32, 48, 2),
    SEPARABLE(STAGE_DOWNSAMPLE, DOWNSAMPLE ".dsconv2", 48, 64, 2),

    INVERTED_PLAIN(GLOBAL ".bottleneck1.0", 64, 64, 2),
    INVERTED_SKIP(GLOBAL ".bottleneck1.1", 64),
    INVERTED_SKIP(GLOBAL ".bottleneck1.2", 64),
    INVERTED_PLAIN(GLOBAL ".bottleneck2.0", 64, 96, 2),
    INVERTED_SKIP(GLOBAL ".bottleneck2.1", 96),
    INVERTED_SKIP(GLOBAL ".bottleneck2.2", 96),
    INVERTED_PLAIN(GLOBAL ".bottleneck3.0", 96, 128, 1),
    INVERTED_SKIP(GLOBAL ".bottleneck3.1", 128),
    INVERTED_SKIP(GLOBAL ".bottleneck3.2", 128),
    POINTWISE(STAGE_PYRAMID, GLOBAL ".ppm.convs.0", 128, 32),
    POINTWISE(STAGE_PYRAMID, GLOBAL ".ppm.convs.1", 128, 32),
    POINTWISE(STAGE_PYRAMID, GLOBAL ".ppm.convs.2", 128, 32),
    POINTWISE(STAGE_PYRAMID, GLOBAL ".ppm.convs.3", 128, 32),
    POINTWISE(STAGE_GLOBAL_OUT, GLOBAL ".out", 256, 128),

    POINTWISE(STAGE_FUSION_LOW, FUSION ".dwconv", 128, 128),
    {STAGE_FUSION_LOW, FUSION ".conv_lower_res.0", FUSION ".conv_lower_res.1", 128, 128, 1, 1, 0, false, true, ACT_NONE,
     SKIP_NONE},
    {STAGE_FUSION_HIGH, FUSION ".conv_higher_res.0", FUSION ".conv_higher_res.1", 64, 128, 1, 1, 0, false, true,
     ACT_NONE, SKIP_NONE},

    SEPARABLE(STAGE_CLASSIFIER, "classifier.dsconv1", 128, 128, 1),
    SEPARABLE(STAGE_CLASSIFIER, "classifier.dsconv2", 128, 128, 1),
    {STAGE_CLASSIFIER, "classifier.conv.1", NULL, 128, FAST_SCNN_CLASSES, 1, 1, 0, false, true, ACT_NONE, SKIP_NONE},

    AUXILIARY("auxlayer1", 64),
    AUXILIARY("auxlayer2", 128),
};
const int fast_scnn_num_layers = sizeof(fast_scnn_layers) / sizeof(fast_scnn_layers[0]);
const int fast_scnn_pyramid_bins[4] = {1, 2, 3, 6};

static struct fast_scnn_tensor *add(struct fast_scnn_tensor *at, enum fast_scnn_role role, const char *prefix,
                                    const char *name) {
    *at = (struct fast_scnn_tensor){.role = role};
    snprintf(at->name, sizeof(at->name), "%s.%s", prefix, name);
    return at + 1;
}

static struct fast_scnn_tensor *add_vector(struct fast_scnn_tensor *at, enum fast_scnn_role role, const char *prefix,
                                           const char *name, int length) {
    add(at, role, prefix, name);
    at->rank = 1;
    at->shape[0] = length;
    return at + 1;
}

static struct fast_scnn_tensor *list_layer(struct fast_scnn_tensor *at, const struct fast_scnn_layer *layer,
                                           int classes) {
    int out = layer->out == FAST_SCNN_CLASSES ? classes : layer->out;
    int64_t shape[4] = {out, layer->depthwise ? 1 : layer->in, layer->kernel, layer->kernel};
    add(at, ROLE_CONV_WEIGHT, layer->conv, "weight");
    at->rank = 4;
    memcpy(at->shape, shape, sizeof(shape));
    at++;
    if (layer->bias) {
        at = add_vector(at, ROLE_CONV_BIAS, layer->conv, "bias", out);
    }
    if (layer->norm) {
        at = add_vector(at, ROLE_NORM_GAMMA, layer->norm, "weight", out);
        at = add_vector(at, ROLE_NORM_BETA, layer->norm, "bias", out);
        at = add_vector(at, ROLE_NORM_MEAN, layer->norm, "running_mean", out);
        at = add_vector(at, ROLE_NORM_VAR, layer->norm, "running_var", out);
        at = add(at, ROLE_NORM_COUNT, layer->norm, "num_batches_tracked");
    }
    return at;
}

int fast_scnn_list_tensors(int classes, bool auxiliary, struct fast_scnn_tensor out[FAST_SCNN_MAX_TENSORS]) {
    struct fast_scnn_tensor *at = out;
    for (int i = 0; i < fast_scnn_num_layers; i++) {
        if (auxiliary || fast_scnn_layers[i].stage != STAGE_AUXILIARY) {
            at = list_layer(at, &fast_scnn_layers[i], classes);
        }
    }
    return (int)(at - out);
}
