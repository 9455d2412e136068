/* SPDX-License-Identifier: Apache-2.0 */
/* XML 1.0, written straight to a stream. */
#ifndef VMTRACE_XML_H
#define VMTRACE_XML_H

#include <stdio.h>

/* The text with markup escaped.  What XML cannot hold (bytes that are not UTF-8, control
 * characters) becomes U+FFFD.  NULL is empty. */
void xml_text(FILE *out, const char *text);

/* A blank and name="text". */
void xml_attribute(FILE *out, const char *name, const char *text);

/* <name>text</name> and a line end behind `indent` blanks; nothing when text is NULL. */
void xml_element(FILE *out, unsigned indent, const char *name, const char *text);

#endif
