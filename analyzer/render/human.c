/* SPDX-License-Identifier: Apache-2.0 */
#include "render/human.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "query/report.h"

struct human human_bytes(uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    struct human human;
    size_t unit = 0;
    double value = (double)bytes;
    if (bytes == REPORT_UNKNOWN) {
        snprintf(human.text, sizeof(human.text), "unknown");
        return human;
    }
    /* 999.5 would be shown as 1000. */
    while (unit + 1 < sizeof(units) / sizeof(units[0]) && value >= (unit == 0 ? 1024 : 999.5)) {
        value /= 1024;
        unit++;
    }
    int decimals = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    snprintf(human.text, sizeof(human.text), "%.*f %s", decimals, value, units[unit]);
    return human;
}

struct human human_count(uint64_t count)
{
    struct human human;
    char digits[24];
    if (count == REPORT_UNKNOWN) {
        snprintf(human.text, sizeof(human.text), "unknown");
        return human;
    }
    int length = snprintf(digits, sizeof(digits), "%" PRIu64, count);
    char *out = human.text;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            *out++ = ',';
        *out++ = digits[i];
    }
    *out = '\0';
    return human;
}

struct human human_time(uint64_t ns)
{
    struct human human;
    const uint64_t second = UINT64_C(1000000000);
    if (ns == REPORT_UNKNOWN)
        snprintf(human.text, sizeof(human.text), "unknown");
    else if (ns == 0)
        snprintf(human.text, sizeof(human.text), "0 s");
    else if (ns < second / 10)
        snprintf(human.text, sizeof(human.text), "%.*f ms", ns < 10000000 ? 2 : 1,
                 (double)ns / 1e6);
    else if (ns < 120 * second)
        snprintf(human.text, sizeof(human.text), "%.*f s", ns < 10 * second ? 2 : 1,
                 (double)ns / 1e9);
    else if (ns < 7200 * second)
        snprintf(human.text, sizeof(human.text), "%" PRIu64 " min %02" PRIu64 " s",
                 ns / second / 60, ns / second % 60);
    else
        snprintf(human.text, sizeof(human.text), "%" PRIu64 " h %02" PRIu64 " min",
                 ns / second / 3600, ns / second / 60 % 60);
    return human;
}

struct human human_percent(uint64_t part, uint64_t whole)
{
    struct human human = {""};
    if (whole == 0 || whole == REPORT_UNKNOWN || part == REPORT_UNKNOWN)
        return human;
    double percent = 100.0 * (double)part / (double)whole;
    if (part > 0 && percent < 0.5)
        snprintf(human.text, sizeof(human.text), "<1 %%");
    else if (part < whole && percent >= 99.5)
        snprintf(human.text, sizeof(human.text), ">99 %%");
    else
        snprintf(human.text, sizeof(human.text), "%.0f %%", percent);
    return human;
}

struct human human_date(uint64_t epoch_ns)
{
    struct human human;
    struct tm tm;
    time_t seconds = (time_t)(epoch_ns / UINT64_C(1000000000));
    if (gmtime_r(&seconds, &tm) == NULL ||
        strftime(human.text, sizeof(human.text), "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
        snprintf(human.text, sizeof(human.text), "unknown");
    return human;
}

const char *human_plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}
