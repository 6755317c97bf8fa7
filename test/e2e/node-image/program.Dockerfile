# One static program and nothing else; node-image.sh puts its name in place of PROGRAM.
# kubeadm's manifests call the programs by name, hence PATH.
FROM scratch
COPY PROGRAM /usr/local/bin/PROGRAM
ENV PATH=/usr/local/bin
ENTRYPOINT ["/usr/local/bin/PROGRAM"]
