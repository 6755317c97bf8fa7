# kube-proxy runs iptables, conntrack and nft, so their libraries come along. libm is for a module
# that iptables loads by name (libxt_statistic.so).
ARG ROOT
FROM $ROOT AS debian
RUN set -e; mkdir -p /out/usr/sbin /out/tmp; cd /usr/sbin; \
    for file in xtables-nft-multi xtables-legacy-multi conntrack nft; do \
        for library in /usr/sbin/$file $(ldd $file | grep -o '/[^ ]*') /lib/*/libm.so.6; do \
            mkdir -p /out/${library%/*}; cp -L $library /out/$library; \
        done; \
    done; \
    modules=$(echo /usr/lib/*/xtables); mkdir -p /out/$modules; cp -L $modules/* /out/$modules/; \
    for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do \
        ln -s xtables-nft-multi /out/usr/sbin/$name; \
    done
FROM scratch
COPY --from=debian /out/ /
COPY kube-proxy /usr/local/bin/
ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin
ENTRYPOINT ["/usr/local/bin/kube-proxy"]
