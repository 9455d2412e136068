/* SPDX-License-Identifier: Apache-2.0 */
#include "render/utf8.h"

#include <stdlib.h>
#include <string.h>

size_t utf8_decode(const char *text, size_t size, uint32_t *character)
{
    const unsigned char *byte = (const unsigned char *)text;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}; /* below: overlong */
    size_t length = byte[0] < 0x80   ? 1
                    : byte[0] < 0xc0 ? 0
                    : byte[0] < 0xe0 ? 2
                    : byte[0] < 0xf0 ? 3
                    : byte[0] < 0xf8 ? 4
                                     : 0;
    if (length == 0 || length > size)
        return 0;
    uint32_t value = length == 1 ? byte[0] : byte[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((byte[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (byte[i] & 0x3f);
    }
    if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
        return 0;
    *character = value;
    return length;
}

/* C0, DEL, C1, line separators, and what changes the writing direction (Unicode TR 36). */
static bool is_unsafe(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || c == 0x200e ||
           c == 0x200f || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
           c == 0xfeff;
}

/* Writes one character (`size` bytes at `text`, 0: one invalid byte) into `form`; returns its
 * length there, which is its width as well unless it is a character of its own. */
static size_t format_character(char form[16], const char *text, size_t size, uint32_t character,
                               bool utf8)
{
    if (size == 1 && character == '\n')
        return (size_t)sprintf(form, "\\n");
    if (size == 1 && character == '\t')
        return (size_t)sprintf(form, "\\t");
    if (size <= 1 && (size == 0 || is_unsafe(character)))
        return (size_t)sprintf(form, "\\x%02x", (unsigned char)*text);
    if (size == 1 || (utf8 && !is_unsafe(character))) {
        memcpy(form, text, size);
        form[size] = '\0';
        return 1;
    }
    return (size_t)sprintf(form, "\\u{%x}", character);
}

size_t utf8_write_escaped(FILE *out, const char *text, size_t columns, bool utf8)
{
    size_t left = strlen(text), used = 0;
    if (columns != 0 && left <= columns &&
        strspn(text, " !#$%&'()*+,-./:;<=>?@[]_`{|}~"
                     "0123456789abcdefghijklmnopqrstuvwxyz"
                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == left) {
        fwrite(text, 1, left, out);
        return left;
    }
    while (left > 0) {
        char form[16];
        uint32_t character = 0;
        size_t size = utf8_decode(text, left, &character);
        size_t width = format_character(form, text, size, character, utf8);
        size_t step = size ? size : 1;
        /* The ellipsis needs room unless this is the last character. */
        size_t room = left > step ? (utf8 ? 1 : 3) : 0;
        if (columns != 0 && used + width + room > columns) {
            fputs(utf8 ? "\xe2\x80\xa6" : "...", out);
            return used + (utf8 ? 1 : 3);
        }
        fputs(form, out);
        used += width;
        text += step;
        left -= step;
    }
    return used;
}

char *utf8_clean(const char *text)
{
    size_t left = strlen(text);
    char *clean = malloc(left * 3 + 1); /* U+FFFD takes three bytes */
    if (clean == NULL)
        return NULL;
    char *end = clean;
    while (left > 0) {
        uint32_t character;
        size_t size = utf8_decode(text, left, &character);
        if (size == 0) {
            memcpy(end, "\xef\xbf\xbd", 3);
            end += 3;
            size = 1;
        } else {
            memcpy(end, text, size);
            end += size;
        }
        text += size;
        left -= size;
    }
    *end = '\0';
    return clean;
}
