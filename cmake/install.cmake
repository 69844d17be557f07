include(GNUInstallDirs)
install(TARGETS airtight airtight-auditor RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY policies DESTINATION ${CMAKE_INSTALL_DATADIR}/airtight)
