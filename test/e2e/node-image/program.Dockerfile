# One static program and nothing else.
FROM scratch
ARG PROGRAM
COPY $PROGRAM /usr/local/bin/program
ENTRYPOINT ["/usr/local/bin/program"]
