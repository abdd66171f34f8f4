FROM scratch
ADD valkey.tar /
RUN install -d -o valkey -g valkey /data
WORKDIR /data
USER valkey
EXPOSE 6379
CMD ["valkey-server"]
