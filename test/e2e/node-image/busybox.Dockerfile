# A shell and small tools for the pods of the tests: the node's busybox with its libraries.
# Debian's busybox 1.35 crashes at `wget -T`: use `timeout 5 wget`.
ARG ROOT
FROM $ROOT AS debian
RUN set -e; mkdir -p /out/bin; cp /bin/busybox /out/bin/; \
    for library in $(ldd /bin/busybox | grep -o '/[^ ]*'); do \
        mkdir -p /out/${library%/*}; cp -L $library /out/$library; \
    done
FROM scratch
COPY --from=debian /out/ /
RUN ["/bin/busybox", "--install", "-s", "/bin"]
ENV PATH=/bin
CMD ["sh"]
