# pocketsphinx 5.1.1 as the static library lp_pocketsphinx: Debian's is older and has no alignment of phones.
execute_process(COMMAND ${PROJECT_SOURCE_DIR}/cmake/fetch-pocketsphinx
    OUTPUT_VARIABLE LP_POCKETSPHINX OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)

# What its own CMakeLists.txt finds out, on Linux with gcc or clang.
function(lp_pocketsphinx)
    foreach(has UNISTD_H SYS_TYPES_H SYS_STAT_H STDINT_H SNPRINTF POPEN LONG_LONG)
        set(HAVE_${has} 1)
    endforeach()
    set(PS_USE_THREAD_LOCAL_RNG 1)
    set(SIZEOF_LONG ${CMAKE_SIZEOF_VOID_P})
    set(SIZEOF_LONG_LONG 8)
    set(DEFAULT_RADIX 12)
    set(generated ${CMAKE_BINARY_DIR}/generated/pocketsphinx)
    configure_file(${LP_POCKETSPHINX}/config.h.in ${generated}/config.h)
    configure_file(${LP_POCKETSPHINX}/sphinx_config.h.in ${generated}/pocketsphinx/sphinx_config.h)
    file(STRINGS ${LP_POCKETSPHINX}/src/CMakeLists.txt sources REGEX "^[a-z0-9_/]+\\.c$")
    list(TRANSFORM sources PREPEND ${LP_POCKETSPHINX}/src/)
    add_library(lp_pocketsphinx STATIC ${sources})
    target_include_directories(lp_pocketsphinx SYSTEM PUBLIC ${LP_POCKETSPHINX}/include ${LP_POCKETSPHINX}/src ${generated})
    target_compile_definitions(lp_pocketsphinx PUBLIC HAVE_CONFIG_H)
    # Its warnings are not ours. A failed assertion ends the worker in releases, too: better than what would come after it.
    target_compile_options(lp_pocketsphinx PRIVATE -w -O2 -UNDEBUG -fno-common -fstack-protector-strong -ffunction-sections -fdata-sections
        -ffile-prefix-map=${LP_POCKETSPHINX}/=pocketsphinx/ -ffile-prefix-map=${CMAKE_BINARY_DIR}/=)
    target_link_libraries(lp_pocketsphinx PUBLIC m)
    if(LP_SANITIZE)
        target_compile_options(lp_pocketsphinx PRIVATE -fsanitize=${LP_SANITIZE} -fno-omit-frame-pointer)
        # It shifts negative numbers, and its models are read where they lie in a file.
        if(LP_SANITIZE MATCHES undefined)
            target_compile_options(lp_pocketsphinx PRIVATE -fno-sanitize=undefined)
        endif()
    endif()
    if(LP_FUZZ)
        target_compile_options(lp_pocketsphinx PRIVATE -fsanitize=fuzzer-no-link)
    endif()
endfunction()
lp_pocketsphinx()
