/* SPDX-License-Identifier: Apache-2.0 */
#include "render/xml.h"

#include <stdbool.h>
#include <string.h>

#include "render/utf8.h"

/* NULL: as it is. */
static const char *escape(uint32_t character, bool attribute)
{
    switch (character) {
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '&':
        return "&amp;";
    case '"':
        return attribute ? "&quot;" : NULL;
    case '\t': /* white space of other kinds becomes blanks in attributes */
        return attribute ? "&#9;" : NULL;
    case '\n':
        return attribute ? "&#10;" : NULL;
    default:
        /* https://www.w3.org/TR/xml/#charsets; 0x9b begins commands of terminals */
        return character < 0x20 || (character >= 0x7f && character < 0xa0) || character == 0xfffe ||
                       character == 0xffff
                   ? "\xef\xbf\xbd"
                   : NULL;
    }
}

static void write_escaped(FILE *out, const char *text, bool attribute)
{
    size_t left = text ? strlen(text) : 0;
    while (left > 0) {
        uint32_t character = 0;
        size_t length = utf8_decode(text, left, &character);
        const char *instead = length ? escape(character, attribute) : "\xef\xbf\xbd";
        length = length ? length : 1;
        if (instead)
            fputs(instead, out);
        else
            fwrite(text, 1, length, out);
        text += length;
        left -= length;
    }
}

void xml_text(FILE *out, const char *text)
{
    write_escaped(out, text, false);
}

void xml_attribute(FILE *out, const char *name, const char *text)
{
    fprintf(out, " %s=\"", name);
    write_escaped(out, text, true);
    fputc('"', out);
}

void xml_element(FILE *out, unsigned indent, const char *name, const char *text)
{
    if (!text)
        return;
    fprintf(out, "%*s<%s>", (int)indent, "", name);
    xml_text(out, text);
    fprintf(out, "</%s>\n", name);
}
