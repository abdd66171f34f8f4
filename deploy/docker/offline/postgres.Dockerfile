# The variables and the place of the data are those of the official image.
FROM scratch
ADD postgres.tar /
COPY postgres-start.sh /usr/local/bin/
RUN rm -rf /var/lib/postgresql /etc/postgresql && \
    install -d -o postgres -g postgres /var/lib/postgresql /run/postgresql
ENV PATH=/usr/lib/postgresql/17/bin:/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    PGDATA=/var/lib/postgresql/17/docker
USER postgres
STOPSIGNAL SIGINT
EXPOSE 5432
ENTRYPOINT ["sh", "/usr/local/bin/postgres-start.sh"]
CMD ["postgres"]
