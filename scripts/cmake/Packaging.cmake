# What `cmake --install` installs besides the programs and the library, and the .deb of `cpack`.
install(FILES ${PROJECT_SOURCE_DIR}/docs/report.schema.json
        DESTINATION ${CMAKE_INSTALL_DATADIR}/vmtrace)
foreach(program IN ITEMS vmtrace vmtrace-report)
  install(FILES ${PROJECT_SOURCE_DIR}/docs/completion/vmtrace.bash RENAME ${program}
          DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
endforeach()
install(FILES ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/docs/trace-format.md
        ${PROJECT_SOURCE_DIR}/docs/ci.md ${PROJECT_SOURCE_DIR}/docs/suppressions.md
        DESTINATION ${CMAKE_INSTALL_DOCDIR})

# find_package(vmtrace): leak tests for other projects, also those without a language, which do not
# look below lib/ARCHITECTURE.
include(CMakePackageConfigHelpers)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/vmtraceConfigVersion.cmake
                                 COMPATIBILITY SameMajorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_SOURCE_DIR}/scripts/cmake/vmtraceConfig.cmake
              ${PROJECT_BINARY_DIR}/vmtraceConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_DATADIR}/cmake/vmtrace)

# Manual pages, compressed without a time stamp so that two builds give the same bytes.
find_program(GZIP gzip REQUIRED)
file(GLOB manual_pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/docs/man/*.[1-8])
foreach(page IN LISTS manual_pages)
  get_filename_component(name ${page} NAME)
  string(REGEX MATCH "[1-8]$" section ${name})
  set(packed ${PROJECT_BINARY_DIR}/man/${name}.gz)
  add_custom_command(OUTPUT ${packed} DEPENDS ${page} VERBATIM
    COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/man
    COMMAND sh -c "\"$1\" -9nc \"$2\" >\"$3\"" sh ${GZIP} ${page} ${packed})
  list(APPEND packed_pages ${packed})
  install(FILES ${packed} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()
add_custom_target(manual ALL DEPENDS ${packed_pages})

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME vmtrace)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The vmtrace authors")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "tracer of the heap and the page faults of a program")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"Records every allocation and release of an unmodified program with its call
stack, and counts its page faults, by a preloaded library:
.
  LD_PRELOAD=libvmtrace.so ./app
  vmtrace-report vmtrace.app.*.vmt
.
The report shows what is still allocated at the end, how the resident size
grew, what was live at the peak, temporary allocations, page faults by call
site and errors such as double frees.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# On other machines than x86-64 the library opens libunwind.so.8 at run time, which
# dpkg-shlibdeps cannot see.
if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64|AMD64")
  set(CPACK_DEBIAN_PACKAGE_DEPENDS libunwind8)
endif()
file(WRITE ${PROJECT_BINARY_DIR}/debian/copyright
"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: vmtrace

Files: *
Copyright: The vmtrace authors
License: Apache-2.0
 On Debian systems the full text of the Apache License, version 2.0, is in
 /usr/share/common-licenses/Apache-2.0.
")
install(FILES ${PROJECT_BINARY_DIR}/debian/copyright DESTINATION ${CMAKE_INSTALL_DOCDIR})
include(CPack)
