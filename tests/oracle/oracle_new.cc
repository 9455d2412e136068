// SPDX-License-Identifier: Apache-2.0
// Every form of operator new and delete, called from C.
#include <new>

#include "oracle_heap.h"

static void *allocate_throwing(enum oracle_family family, size_t size, std::align_val_t alignment)
{
    switch (family) {
    case FAMILY_NEW:
        return ::operator new(size);
    case FAMILY_NEW_ARRAY:
        return ::operator new[](size);
    case FAMILY_NEW_ALIGNED:
        return ::operator new(size, alignment);
    default:
        return ::operator new[](size, alignment);
    }
}

static void *allocate_nothrow(enum oracle_family family, size_t size, std::align_val_t alignment)
{
    switch (family) {
    case FAMILY_NEW:
        return ::operator new(size, std::nothrow);
    case FAMILY_NEW_ARRAY:
        return ::operator new[](size, std::nothrow);
    case FAMILY_NEW_ALIGNED:
        return ::operator new(size, alignment, std::nothrow);
    default:
        return ::operator new[](size, alignment, std::nothrow);
    }
}

extern "C" void *cxx_allocate(enum oracle_family family, bool nothrow, size_t size,
                              size_t alignment)
{
    if (nothrow)
        return allocate_nothrow(family, size, std::align_val_t(alignment));
    try {
        return allocate_throwing(family, size, std::align_val_t(alignment));
    } catch (const std::bad_alloc &) {
        return nullptr;
    }
}

static void release_plain(enum oracle_family family, unsigned form, void *address, size_t size)
{
    if (family == FAMILY_NEW) {
        if (form == 0)
            ::operator delete(address);
        else if (form == 1)
            ::operator delete(address, size);
        else
            ::operator delete(address, std::nothrow);
    } else {
        if (form == 0)
            ::operator delete[](address);
        else if (form == 1)
            ::operator delete[](address, size);
        else
            ::operator delete[](address, std::nothrow);
    }
}

static void release_aligned(enum oracle_family family, unsigned form, void *address, size_t size,
                            std::align_val_t alignment)
{
    if (family == FAMILY_NEW_ALIGNED) {
        if (form == 0)
            ::operator delete(address, alignment);
        else if (form == 1)
            ::operator delete(address, size, alignment);
        else
            ::operator delete(address, alignment, std::nothrow);
    } else {
        if (form == 0)
            ::operator delete[](address, alignment);
        else if (form == 1)
            ::operator delete[](address, size, alignment);
        else
            ::operator delete[](address, alignment, std::nothrow);
    }
}

extern "C" void cxx_release(enum oracle_family family, unsigned form, void *address, size_t size,
                            size_t alignment)
{
    if (family == FAMILY_NEW || family == FAMILY_NEW_ARRAY)
        release_plain(family, form, address, size);
    else
        release_aligned(family, form, address, size, std::align_val_t(alignment));
}
