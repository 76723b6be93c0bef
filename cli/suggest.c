#include "suggest.h"

#include <ctype.h>
#include <string.h>

enum { LONGEST = 63, FAR = 100, MOST_WRONG = 2 };

static char letter_of(char c) { return c == '_' ? '-' : (char)tolower((unsigned char)c); }

static int least(int a, int b) { return a < b ? a : b; }

/* Letters to insert, delete, replace, or swap with the next, to make one word of the other; FAR for long ones. */
static int distance_of(const char *a, const char *b) {
    size_t n = strlen(a), m = strlen(b);
    int table[3][LONGEST + 1]; /* rows i - 2, i - 1, i in turn: [i][j] is for the first i letters of a and j of b */
    if (n > LONGEST || m > LONGEST) {
        return FAR;
    }
    for (size_t j = 0; j <= m; j++) {
        table[0][j] = (int)j;
    }
    for (size_t i = 1; i <= n; i++) {
        int *row = table[i % 3];
        const int *above = table[(i + 2) % 3], *second = table[(i + 1) % 3];
        row[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            char x = letter_of(a[i - 1]), y = letter_of(b[j - 1]);
            row[j] = least(above[j - 1] + (x != y), least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && x == letter_of(b[j - 2]) && y == letter_of(a[i - 2])) {
                row[j] = least(row[j], second[j - 2] + 1);
            }
        }
    }
    return table[n % 3][m];
}

void suggestion_consider(struct suggestion *suggestion, const char *word) {
    int distance = distance_of(suggestion->typed, word);
    if (distance <= MOST_WRONG && 2 * (size_t)distance < strlen(suggestion->typed) &&
        (!suggestion->nearest || distance < suggestion->distance)) {
        suggestion->nearest = word;
        suggestion->distance = distance;
    }
}
