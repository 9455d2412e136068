# On Debian and its kin the loader's own path holds PREFIX/lib/TRIPLET, for /usr and /usr/local
# alike; elsewhere GNUInstallDirs knows.  The preload library has to be found by its bare name.
if(NOT DEFINED CMAKE_INSTALL_LIBDIR AND CMAKE_LIBRARY_ARCHITECTURE
   AND EXISTS /etc/debian_version)
  set(CMAKE_INSTALL_LIBDIR lib/${CMAKE_LIBRARY_ARCHITECTURE} CACHE PATH
      "Folder of libraries, below the prefix")
endif()
include(GNUInstallDirs)
