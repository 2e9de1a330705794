// Owner of the precompiled header that all rooms share (cmake/rooms.cmake).
// Must stay empty: it exists so that the header is compiled once, with the flags of our own code.
