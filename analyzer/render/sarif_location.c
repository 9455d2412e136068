/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places in SARIF.  Paths are relative to %SRCROOT%, so code hosts show results beside the lines;
 * those outside it are URIs of files.
 */
#include <string.h>

#include "render/json_stream.h"
#include "render/sarif.h"
#include "render/source_path.h"

/* Bytes that a URI does not allow as they are (RFC 3986), percent-encoded. */
static json_t *uri(struct arena *arena, const char *scheme, const char *path, const char *end)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-._~/!$&'()*+,;=@";
    char *text = arena_alloc(arena, strlen(scheme) + 3 * strlen(path) + strlen(end) + 1);
    if (!text)
        return NULL;
    char *at = stpcpy(text, scheme);
    for (; *path; path++) {
        if (strchr(plain, *path))
            *at++ = *path;
        else
            at += sprintf(at, "%%%02X", (unsigned char)*path);
    }
    strcpy(at, end);
    return json_text(text);
}

json_t *sarif_artifact(struct arena *arena, const char *path)
{
    json_t *object = json_object();
    json_add(&object, "uri", uri(arena, *path == '/' ? "file://" : "", path, ""));
    if (*path != '/' && strncmp(path, "../", 3) != 0) /* the latter: of who knows where */
        json_add(&object, "uriBaseId", json_text("%SRCROOT%"));
    return object;
}

json_t *sarif_bases(struct arena *arena)
{
    json_t *bases = json_object(), *root = json_object();
    if (source_root()[0])
        json_add(&root, "uri", uri(arena, "file://", source_root(), "/"));
    json_add(&root, "description", sarif_message("The root of the sources."));
    json_add(&bases, "%SRCROOT%", root);
    return bases;
}

json_t *sarif_location(struct arena *arena, const struct report_frame *frame)
{
    json_t *object = json_object(), *logical = json_object();
    if (finding_has_line(frame)) {
        json_t *physical = json_object(), *region = json_object();
        json_add(&region, "startLine", json_integer(frame->line));
        json_add(&physical, "artifactLocation",
                 sarif_artifact(arena, source_path(arena, frame->file)));
        json_add(&physical, "region", region);
        json_add(&object, "physicalLocation", physical);
    }
    json_add(&logical, "fullyQualifiedName",
             json_text(frame->function ? frame->function
                       : frame->module ? frame->module
                                       : "?"));
    json_add(&object, "logicalLocations", sarif_list_of(logical));
    return object;
}
