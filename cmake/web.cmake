# The web page: built by Vite out of web/, compressed once, and laid into the program as it is.
# Must hold: without web/node_modules (see ./dev) or with MUSTER_WEB=OFF the program is built without it, and says so.
option(MUSTER_WEB "carry the web page (needs Node, and 'npm ci' in web/)" ON)
find_program(MUSTER_NODE NAMES node nodejs)
mark_as_advanced(MUSTER_NODE)
if(MUSTER_WEB AND MUSTER_NODE AND EXISTS ${CMAKE_SOURCE_DIR}/web/node_modules/.package-lock.json)
  enable_language(ASM)  # not in the function: what it sets has to stay
endif()

# A library muster_web that defines apps/web_files.h.
function(muster_web_page)
  if(NOT TARGET muster_apps)
    return()
  endif()
  set(web ${CMAKE_SOURCE_DIR}/web)
  set(folder ${CMAKE_BINARY_DIR}/web)
  if(MUSTER_WEB AND MUSTER_NODE AND EXISTS ${web}/node_modules/.package-lock.json)
    muster_glob(sources ${web}/src/* ${web}/public/*)
    file(GLOB settings CONFIGURE_DEPENDS ${web}/*.html ${web}/*.ts ${web}/*.js ${web}/*.json)
    add_custom_command(OUTPUT ${folder}/web_files.cpp ${folder}/web_files.S
      DEPENDS ${sources} ${settings} ${web}/pack.mjs ${web}/node_modules/.package-lock.json
      COMMAND ${MUSTER_NODE} node_modules/vite/bin/vite.js build --logLevel warn --emptyOutDir --outDir ${folder}/dist
      COMMAND ${MUSTER_NODE} pack.mjs ${folder}/dist ${folder}
      WORKING_DIRECTORY ${web} COMMENT "Building the web page" VERBATIM)
    add_library(muster_web STATIC ${folder}/web_files.cpp ${folder}/web_files.S)
  else()
    message(STATUS "left out: the web page (node or web/node_modules is missing, or MUSTER_WEB is off)")
    file(CONFIGURE OUTPUT ${folder}/no_web_files.cpp CONTENT
      "#include \"apps/web_files.h\"\nstd::span<const muster::front::WebFile> muster::apps::web_files() { return {}; }\n")
    add_library(muster_web STATIC ${folder}/no_web_files.cpp)
  endif()
  target_link_libraries(muster_web PUBLIC muster_front)
  target_link_libraries(muster_apps PUBLIC muster_web)
endfunction()
