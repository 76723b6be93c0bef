/* Label ids, train ids, names and colours. */
#include "image/labels.h"

const struct label_row label_rows[LABEL_CLASSES] = {
    {{"unlabeled", 0, 255, {0, 0, 0}}, CATEGORY_VOID},
    {{"ego vehicle", 1, 255, {0, 0, 0}}, CATEGORY_VOID},
    {{"rectification border", 2, 255, {0, 0, 0}}, CATEGORY_VOID},
    {{"out of roi", 3, 255, {0, 0, 0}}, CATEGORY_VOID},
    {{"static", 4, 255, {0, 0, 0}}, CATEGORY_VOID},
    {{"dynamic", 5, 255, {111, 74, 0}}, CATEGORY_VOID},
    {{"ground", 6, 255, {81, 0, 81}}, CATEGORY_VOID},
    {{"road", 7, 0, {128, 64, 128}}, CATEGORY_FLAT},
    {{"sidewalk", 8, 1, {244, 35, 232}}, CATEGORY_FLAT},
    {{"parking", 9, 255, {250, 170, 160}}, CATEGORY_FLAT},
    {{"rail track", 10, 255, {230, 150, 140}}, CATEGORY_FLAT},
    {{"building", 11, 2, {70, 70, 70}}, CATEGORY_CONSTRUCTION},
    {{"wall", 12, 3, {102, 102, 156}}, CATEGORY_CONSTRUCTION},
    {{"fence", 13, 4, {190, 153, 153}}, CATEGORY_CONSTRUCTION},
    {{"guard rail", 14, 255, {180, 165, 180}}, CATEGORY_CONSTRUCTION},
    {{"bridge", 15, 255, {150, 100, 100}}, CATEGORY_CONSTRUCTION},
    {{"tunnel", 16, 255, {150, 120, 90}}, CATEGORY_CONSTRUCTION},
    {{"pole", 17, 5, {153, 153, 153}}, CATEGORY_OBJECT},
    {{"polegroup", 18, 255, {153, 153, 153}}, CATEGORY_OBJECT},
    {{"traffic light", 19, 6, {250, 170, 30}}, CATEGORY_OBJECT},
    {{"traffic sign", 20, 7, {220, 220, 0}}, CATEGORY_OBJECT},
    {{"vegetation", 21, 8, {107, 142, 35}}, CATEGORY_NATURE},
    {{"terrain", 22, 9, {152, 251, 152}}, CATEGORY_NATURE},
    {{"sky", 23, 10, {70, 130, 180}}, CATEGORY_SKY},
    {{"person", 24, 11, {220, 20, 60}}, CATEGORY_HUMAN},
    {{"rider", 25, 12, {255, 0, 0}}, CATEGORY_HUMAN},
    {{"car", 26, 13, {0, 0, 142}}, CATEGORY_VEHICLE},
    {{"truck", 27, 14, {0, 0, 70}}, CATEGORY_VEHICLE},
    {{"bus", 28, 15, {0, 60, 100}}, CATEGORY_VEHICLE},
    {{"caravan", 29, 255, {0, 0, 90}}, CATEGORY_VEHICLE},
    {{"trailer", 30, 255, {0, 0, 110}}, CATEGORY_VEHICLE},
    {{"train", 31, 16, {0, 80, 100}}, CATEGORY_VEHICLE},
    {{"motorcycle", 32, 17, {0, 0, 230}}, CATEGORY_VEHICLE},
    {{"bicycle", 33, 18, {119, 11, 32}}, CATEGORY_VEHICLE},
    {{"license plate", -1, 255, {0, 0, 142}}, CATEGORY_VEHICLE},
};

static const uint8_t label_of_train_id[LABEL_TRAIN_CLASSES] = {7,  8,  11, 12, 13, 17, 19, 20, 21, 22,
                                                               23, 24, 25, 26, 27, 28, 31, 32, 33};

/* "class 10" .. "class 259", for label sets of other makers. */
#define TEN_NAMES(tens)                                                                                                \
    "class " #tens "0", "class " #tens "1", "class " #tens "2", "class " #tens "3", "class " #tens "4",                \
        "class " #tens "5", "class " #tens "6", "class " #tens "7", "class " #tens "8", "class " #tens "9"
static const char *const made_up_names[] = {TEN_NAMES(1),  TEN_NAMES(2),  TEN_NAMES(3),  TEN_NAMES(4),  TEN_NAMES(5),
                                            TEN_NAMES(6),  TEN_NAMES(7),  TEN_NAMES(8),  TEN_NAMES(9),  TEN_NAMES(10),
                                            TEN_NAMES(11), TEN_NAMES(12), TEN_NAMES(13), TEN_NAMES(14), TEN_NAMES(15),
                                            TEN_NAMES(16), TEN_NAMES(17), TEN_NAMES(18), TEN_NAMES(19), TEN_NAMES(20),
                                            TEN_NAMES(21), TEN_NAMES(22), TEN_NAMES(23), TEN_NAMES(24), TEN_NAMES(25)};

const char *label_category_name(enum label_category category) {
    static const char *const names[CATEGORY_COUNT] = {"void",   "flat", "construction", "object",
                                                      "nature", "sky",  "human",        "vehicle"};
    return names[category];
}

/* The bits of the id, dealt to R, G, B in turn from the highest place down: neighbours differ strongly, all differ.
 * 16 is added so that none of them is a Cityscapes colour, or black. */
static void made_up_colour(unsigned id, uint8_t rgb[3]) {
    unsigned value[3] = {0};
    for (unsigned bit = 0; bit < 8; bit++) {
        value[bit % 3] |= (id >> bit & 1) << (7 - bit / 3);
    }
    for (int c = 0; c < 3; c++) {
        rgb[c] = (uint8_t)(value[c] + 16);
    }
}

struct fscnn_class fscnn_class_of_train_id(int train_id) {
    if (train_id >= 0 && train_id < LABEL_TRAIN_CLASSES) {
        return label_rows[label_of_train_id[train_id]].what;
    }
    struct fscnn_class out = {.name = "ignored", .label_id = -1, .train_id = LABEL_IGNORED};
    if (train_id >= LABEL_TRAIN_CLASSES && train_id < LABEL_IGNORED) {
        out.name = made_up_names[train_id - 10];
        out.train_id = train_id;
        made_up_colour((unsigned)train_id, out.rgb);
    }
    return out;
}

uint8_t fscnn_train_id_of_label_id(int label_id) {
    bool known = label_id >= 0 && label_id < LABEL_CLASSES - 1;
    return (uint8_t)(known ? label_rows[label_id].what.train_id : LABEL_IGNORED);
}
